// Asks for a key where the server wants one.
import { html } from '../html.js';
import { useCell } from '../cell.js';
import { keyWanted, useKey } from '../api.js';
import { Dialog } from './dialog.js';

export function KeyDialog() {
  const why = useCell(keyWanted);
  if (why === null) return null;
  const give = (/** @type {FormData} */ form) => useKey(String(form.get('key')).trim());
  return html`<${Dialog} title="This server asks for a key" verb="Use this key" fixed onClose=${() => {}} onAgree=${give}>
    <p class="bad" role="alert">${why}</p>
    <label>API key
      <input name="key" type="password" required autocomplete="off" spellcheck="false" />
    </label>
    <p class="hint">It is sent with each request to this server, and kept until this tab is closed.</p>
  </${Dialog}>`;
}
