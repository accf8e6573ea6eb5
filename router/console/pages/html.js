// What every page draws with, in one place: the vendored libraries are named here alone.
import { h, render, Fragment } from './vendor/preact.mjs';
import htm from './vendor/htm.mjs';

export { render, Fragment };
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useId } from './vendor/hooks.mjs';
export const html = htm.bind(h);
