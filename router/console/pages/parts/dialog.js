// A question in front of everything. The browser's own dialog keeps the keyboard inside.
import { html, useEffect, useId, useRef } from '../html.js';

/**
 * @param {{title: string, verb: string, danger?: boolean, fixed?: boolean, onClose: () => void, onAgree: (form: FormData) => void, children?: any}} props
 */
export function Dialog({ title, verb, danger = false, fixed = false, onClose, onAgree, children }) {
  const dialog = useRef(null);
  const heading = useId();
  useEffect(() => {
    const asker = /** @type {HTMLElement} */ (document.activeElement);
    dialog.current.showModal();
    // The browser would do so if the dialog were closed before it is removed.
    return () => asker.focus();
  }, []);
  const agree = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    onAgree(new FormData(/** @type {HTMLFormElement} */ (event.target)));
  };
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!fixed) onClose();
  };
  return html`<dialog ref=${dialog} aria-labelledby=${heading} onCancel=${cancel}>
    <form onSubmit=${agree}>
      <h2 id=${heading}>${title}</h2>
      ${children}
      <p class="deeds">
        ${!fixed && html`<button type="button" class="quiet" onClick=${onClose}>Cancel</button>`}
        <button type="submit" class=${danger ? 'danger' : 'main'}>${verb}</button>
      </p>
    </form>
  </dialog>`;
}
