// Dumps of an index: taken, listed, restored, deleted.
import { html, useEffect, useState } from '../../html.js';
import { useCell } from '../../cell.js';
import { get, indexPath, post, remove } from '../../api.js';
import { useDeed } from '../../outcome.js';
import { cluster, stirred, tasks } from '../../world.js';
import { bytes, count, counted, moment, short } from '../../figures.js';
import { Dialog } from '../../parts/dialog.js';
import { Id } from '../../parts/id.js';

/** The dumps of an index, looked at again whenever a task of it has got on; `null` before the first look. */
export function useDumps(name) {
  const [dumps, setDumps] = useState(/** @type {any[] | null} */ (null));
  const [why, setWhy] = useState('');
  const stir = useCell(stirred);
  const known = useCell(tasks);
  const news = known.filter((task) => task.index === name && task.kind === 'dump').map((task) => task.id + task.status).join();
  useEffect(() => {
    let wanted = true;
    get(indexPath(name, 'dumps')).then(
      (list) => { if (wanted) { setDumps([...list.dumps].reverse()); setWhy(''); } },
      (error) => { if (wanted) setWhy(error.message); },
    );
    return () => { wanted = false; };
  }, [name, stir, news]);
  return { dumps, why };
}

export function Dumps({ index, isCluster, dumps, why }) {
  const [busy, run] = useDeed();
  const [asked, ask] = useState(/** @type {{what: 'restore' | 'delete', dump: any} | null} */ (null));
  const close = () => ask(null);
  const start = () => run(async () => {
    const { task } = await post(indexPath(index.name, 'dumps'));
    return `Dump ${short(task)} was asked for.`;
  });
  const restore = (/** @type {FormData} */ form) => {
    const name = String(form.get('name'));
    close();
    run(async () => {
      const { task } = await post(indexPath(name, 'restore'), { dump: asked.dump.dump });
      return `Index ${name} is being made of dump ${short(asked.dump.dump)}: task ${short(task)}.`;
    });
  };
  const drop = () => {
    close();
    run(async () => {
      await remove(indexPath(index.name, 'dumps', asked.dump.dump));
      return `Dump ${short(asked.dump.dump)} was deleted.`;
    });
  };
  return html`<section class="card" aria-labelledby="dumps">
    <div class="headed"><h2 id="dumps">Dumps</h2><button class="main" disabled=${busy} onClick=${start}>Take a dump</button></div>
    ${why && html`<p class="bad">${why}</p>`}
    ${dumps?.length === 0 && html`<p class="hint">None yet. A dump is a consistent copy of all shards, taken while writes go on.</p>`}
    ${dumps?.length > 0 && html`<div class="scroll" tabindex="0" role="region" aria-label="Table of dumps"><table>
      <thead><tr><th scope="col">Dump</th>${isCluster && html`<th scope="col" class="right">Generation</th>`}<th scope="col">Taken</th><th scope="col" class="right">Documents</th><th scope="col" class="right">Size</th><th scope="col"><span class="unseen">What to do with it</span></th></tr></thead>
      <tbody>${dumps.map((dump) => html`<tr key=${dump.dump}>
        <td><${Id} id=${dump.dump} /></td>
        ${isCluster && html`<td class="number">${dump.generation ?? '–'} ${use(index.name, dump)}</td>`}
        <td><time datetime=${dump.created_at}>${moment(dump.created_at)}</time></td>
        <td class="number">${count(dump.documents)}</td><td class="number">${bytes(dump.bytes)}</td>
        <td class="right deeds">
          ${isCluster && html`<button class="quiet" disabled=${busy} aria-label=${`Restore dump ${short(dump.dump)}`} onClick=${() => ask({ what: 'restore', dump })}>Restore …</button>`}
          <button class="quiet" disabled=${busy} aria-label=${`Delete dump ${short(dump.dump)}`} onClick=${() => ask({ what: 'delete', dump })}>Delete …</button>
        </td>
      </tr>`)}</tbody>
    </table></div>`}
    ${asked?.what === 'restore' && html`<${Dialog} title="Restore as a new index" verb="Restore" onClose=${close} onAgree=${restore}>
      <p>A new index is made of dump <${Id} id=${asked.dump.dump} />, ${counted(asked.dump.documents, 'document')}. The index that was dumped stays as it is.</p>
      <label>Name of the new index
        <input name="name" required pattern="[a-z0-9][a-z0-9_\\-]{0,63}" autocomplete="off" spellcheck="false" placeholder=${`${index.name}-restored`} title="Small letters, digits, _ and -; at most 64" />
      </label>
    </${Dialog}>`}
    ${asked?.what === 'delete' && html`<${Dialog} title="Delete this dump?" verb="Delete" danger onClose=${close} onAgree=${drop}>
      <p>Dump <${Id} id=${asked.dump.dump} /> of ${moment(asked.dump.created_at)}, ${counted(asked.dump.documents, 'document')}, is deleted for good.</p>
    </${Dialog}>`}
  </section>`;
}

function use(name, dump) {
  const { generation, preparing } = cluster.value ? (cluster.value.indexes[name] ?? {}) : {};
  if (dump.generation === undefined) return null;
  if (dump.generation === generation) return html`<span class="tag good">official</span>`;
  if (dump.generation === preparing) return html`<span class="tag busy">being rolled out</span>`;
  return null;
}
