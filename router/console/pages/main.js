import { html, render } from './html.js';
import { Frame } from './frame.js';
import { begin } from './world.js';

begin();
const place = /** @type {HTMLElement} */ (document.getElementById('console'));
place.replaceChildren();
render(html`<${Frame} />`, place);
