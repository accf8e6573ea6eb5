// A search by hand: a vector, a document, or one that chance picks; and what is near it.
import { html, useEffect, useRef, useState } from '../html.js';
import { useCell } from '../cell.js';
import { Refusal, indexPath, post } from '../api.js';
import { cluster } from '../world.js';
import { count, counted, measure, time } from '../figures.js';
import { filterOf, vectorOf } from '../query.js';
import { drawIds } from '../documents.js';

/** As many as a page can show. */
const LIMIT_MAX = 1_000;
/** Of ids, among which one is drawn: chance is wanted at once here, and need not be fair. */
const PAGES = 3;

export function SearchPage({ index }) {
  const [by, setBy] = useState('random');
  const [typed, setTyped] = useState({ vector: '', id: '', filter: '' });
  const [exact, setExact] = useState(false);
  const [asking, setAsking] = useState(false);
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [why, setWhy] = useState(/** @type {any} */ (null));
  const underWay = useRef(/** @type {AbortController | null} */ (null));
  const form = useRef(null);
  const seen = useCell(cluster);
  useEffect(() => () => underWay.current?.abort(), []);
  const type = (name) => (event) => setTyped((before) => ({ ...before, [name]: event.target.value }));
  const vector = by === 'vector' && typed.vector.trim() !== '' ? vectorOf(typed.vector, index.dim) : {};
  const filter = filterOf(typed.filter);

  const search = async (/** @type {{id?: string}} */ like = {}) => {
    const fields = new FormData(form.current);
    underWay.current?.abort();
    const mine = (underWay.current = new AbortController());
    setAsking(true);
    setWhy(null);
    try {
      const query = await queryOf(like, mine.signal);
      const number = (name) => (fields.get(name) ? { [name]: Number(fields.get(name)) } : {});
      const body = {
        ...query, ...number('limit'), ...(exact ? { exact } : number('ef')), ...(filter.filter ? { filter: filter.filter } : {}),
        ...(fields.get('consistency') === 'primary' ? { consistency: 'primary' } : {}),
      };
      const reply = await post(indexPath(index.name, 'search'), body, mine.signal);
      setFound({ reply, of: query.id ?? 'the vector' });
    } catch (error) {
      if (mine.signal.aborted) return;
      setFound(null);
      setWhy(error);
    } finally {
      if (underWay.current === mine) setAsking(false);
    }
  };
  const queryOf = async (like, signal) => {
    if (like.id !== undefined) return { id: like.id };
    if (by === 'id') return { id: typed.id };
    if (by === 'vector') {
      const { vector: given, why: wrong } = vectorOf(typed.vector, index.dim);
      if (wrong) throw new Error(wrong);
      return { vector: given };
    }
    const { ids } = await drawIds(index.name, 1, PAGES, signal);
    if (ids.length === 0) throw new Error('the index holds no documents yet');
    setTyped((before) => ({ ...before, id: ids[0] }));
    return { id: ids[0] };
  };
  const like = (id) => {
    setBy('id');
    setTyped((before) => ({ ...before, id }));
    search({ id });
  };
  const submit = (event) => {
    event.preventDefault();
    if (!filter.why) search();
  };
  return html`
    <form class="card query" ref=${form} onSubmit=${submit} aria-label="Search">
      <fieldset class="choice"><legend>Near what?</legend>
        ${[['random', 'a document by chance'], ['id', 'a document'], ['vector', 'a vector']].map(([value, name]) => html`<label key=${value}>
          <input type="radio" name="by" value=${value} checked=${by === value} onChange=${() => setBy(value)} /> ${name}</label>`)}
      </fieldset>
      ${by === 'id' && html`<label>Document id <input name="id" value=${typed.id} onInput=${type('id')} required maxlength="512" autocomplete="off" spellcheck="false" /></label>`}
      ${by === 'vector' && html`<label>Vector
        <textarea name="vector" rows="4" value=${typed.vector} onInput=${type('vector')} required spellcheck="false" aria-invalid=${vector.why ? 'true' : 'false'} aria-describedby="vector-said"
          placeholder=${`[0.12, -0.08, …]  ${index.dim} numbers, or base64 of little-endian f32`}></textarea>
        <span id="vector-said" class=${vector.why ? 'hint bad' : 'hint'}>${vector.why ?? (vector.vector ? `${index.dim} numbers` : `${index.dim} numbers, ${index.metric.replace('_', ' ')}`)}</span></label>`}
      <label><span>Filter <span class="hint">optional</span></span>
        <textarea name="filter" rows="2" value=${typed.filter} onInput=${type('filter')} spellcheck="false" aria-invalid=${filter.why ? 'true' : 'false'} aria-describedby="filter-said" placeholder='{"section": "web", "installed_kb": {"$lt": 500}}'></textarea>
        <span id="filter-said" class="hint ${filter.why ? 'bad' : ''}">${filter.why ?? '$eq $ne $gt $gte $lt $lte $in $nin $exists $and $or $not, on any field of the metadata'}</span></label>
      <div class="line">
        <label>Hits <input name="limit" type="number" min="1" max=${LIMIT_MAX} defaultValue="10" required /></label>
        <label>ef <input name="ef" type="number" min="1" max="20000" placeholder="default" disabled=${exact} /></label>
        ${seen && html`<label>Answered by <select name="consistency"><option value="replica">replicas</option><option value="primary">primaries</option></select></label>`}
        <label class="check"><input type="checkbox" checked=${exact} onChange=${(event) => setExact(event.target.checked)} /> exact</label>
        <button class="main" disabled=${Boolean(filter.why)}>${asking ? 'Searching …' : 'Search'}</button>
      </div>
    </form>
    <div role="status" aria-live="polite">
      ${why && html`<p class="notice bad">${why.message}${why instanceof Refusal && html` <span class="hint">${why.code}</span>`}</p>`}
      ${found && html`<p class="hint">${counted(found.reply.results[0].hits.length, 'hit')} near ${found.of} in <b class="number">${time(found.reply.took_ms)}</b>,
        from ${found.reply.shards.successful} of ${counted(found.reply.shards.total, 'shard')}</p>`}
    </div>
    ${found && html`<${Hits} hits=${found.reply.results[0].hits} onLike=${like} />`}`;
}

function Hits({ hits, onLike }) {
  if (hits.length === 0) return html`<p class="notice">Nothing is near it, or the filter leaves nothing.</p>`;
  const farthest = Math.max(...hits.map((hit) => hit.distance), 1e-9);
  const nearest = Math.min(...hits.map((hit) => hit.distance), 0);
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Hits"><table class="hits">
    <thead><tr><th scope="col" class="right">#</th><th scope="col">Document</th><th scope="col">Distance</th><th scope="col" class="right">Score</th><th scope="col">Metadata</th><th scope="col"><span class="unseen">More like it</span></th></tr></thead>
    <tbody>${hits.map((hit, nth) => html`<tr key=${hit.id}>
      <td class="number hint">${nth + 1}</td>
      <th scope="row"><code>${hit.id}</code></th>
      <td class="distance"><span class="number">${measure(hit.distance)}</span><svg width="64" height="6" aria-hidden="true"><rect class="track" width="64" height="6" rx="3" /><rect class="fill" width=${Math.max(2, ((hit.distance - nearest) / (farthest - nearest)) * 64)} height="6" rx="3" /></svg></td>
      <td class="number">${measure(hit.score)}</td>
      <td><${Metadata} fields=${hit.metadata} /></td>
      <td class="right"><button class="quiet" aria-label=${`near this: ${hit.id}`} onClick=${() => onLike(hit.id)}>near this</button></td>
    </tr>`)}</tbody>
  </table></div>`;
}

/** The fields as they are; what is longer than a line is cut, and whole in the title. */
function Metadata({ fields }) {
  const entries = Object.entries(fields ?? {});
  if (entries.length === 0) return html`<span class="hint">none</span>`;
  return html`<dl class="metadata">${entries.slice(0, 8).map(([name, value]) => {
    const text = typeof value === 'string' ? value : isPlain(value) ? value.join(', ') : JSON.stringify(value);
    return html`<div key=${name}><dt>${name}</dt><dd title=${text}>${text === '' ? '–' : text.length > 90 ? `${text.slice(0, 90)}…` : text}</dd></div>`;
  })}${entries.length > 8 && html`<div><dd class="hint">and ${count(entries.length - 8)} more</dd></div>`}</dl>`;
}

function isPlain(value) {
  return Array.isArray(value) && value.every((item) => typeof item !== 'object');
}
