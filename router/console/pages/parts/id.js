// An id in short; all of it where one rests on it.
import { html } from '../html.js';
import { short } from '../figures.js';

/** @param {{id: string}} props */
export function Id({ id }) {
  return html`<code class="id" title=${id}>${short(id)}</code>`;
}
