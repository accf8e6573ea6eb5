import { html, render } from './html.js';
import { Frame } from './frame.js';
import { begin } from './world.js';

begin();
const place = document.getElementById('console');
place.replaceChildren();
render(html`<${Frame} />`, place);
