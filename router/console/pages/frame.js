// What is around each page: where one can go, which index it is about, whether the server answers.
import { html, useEffect, useRef, useState } from './html.js';
import { useCell } from './cell.js';
import { keyWanted, link } from './api.js';
import { address, route } from './route.js';
import { cluster, indexes, listening, look, refused, unavailable } from './world.js';
import { KeyDialog } from './parts/key-dialog.js';
import { Outcome, silence } from './outcome.js';
import { MapPage } from './views/map.js';
import { IndexPage } from './views/index.js';
import { OperatePage } from './views/operate.js';
import { SearchPage } from './views/search.js';
import { RecallPage } from './views/recall.js';
import { ChartsPage } from './views/charts.js';
import { EventsPage } from './views/events.js';

const PAGES = [
  { name: 'map', title: 'Shard map', page: MapPage, ofIndex: true },
  { name: 'index', title: 'Index', page: IndexPage, ofIndex: true },
  { name: 'operate', title: 'Operate', page: OperatePage, ofIndex: true },
  { name: 'search', title: 'Search', page: SearchPage, ofIndex: true },
  { name: 'recall', title: 'Recall', page: RecallPage, ofIndex: true },
  { name: 'charts', title: 'Charts', page: ChartsPage, ofIndex: false },
  { name: 'events', title: 'Events', page: EventsPage, ofIndex: false },
];

export function Frame() {
  const { page: name, index: asked } = useCell(route);
  const known = useCell(indexes);
  const shown = PAGES.find((page) => page.name === name) ?? PAGES[0];
  const chosen = known?.find((index) => index.name === asked) ?? (asked === null ? known?.[0] : undefined);
  const index = chosen?.name ?? asked;
  const main = useRef(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${shown.title} · Annuli`;
    silence();
    // On a narrow screen the list of pages is a strip that moves.
    document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
    // Who goes on with the keyboard goes on in the page, not at the top of the list that led there.
    if (!first.current) main.current.focus();
    first.current = false;
  }, [shown]);
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); main.current.focus(); }}>Skip to the page</a>
    <header class="rail">
      <a class="name" href=${address('map', index)}><img src="rings.svg" alt="" width="28" height="28" />Annuli</a>
      <nav aria-label="Pages">
        ${PAGES.map((page) => html`<a key=${page.name} href=${address(page.name, index)} aria-current=${page === shown ? 'page' : null}>${page.title}</a>`)}
      </nav>
      <div class="foot"><${Connection} /><${Theme} /></div>
    </header>
    <main id="main" ref=${main} tabindex="-1">
      <${Gone} />
      <div class="title">
        <h1>${shown.title}</h1>
        ${shown.ofIndex && known && known.length > 0 && html`<${Picker} page=${shown.name} known=${known} index=${index} />`}
      </div>
      <${Outcome} />
      <${Page} shown=${shown} known=${known} chosen=${chosen} asked=${asked} />
    </main>
    <${KeyDialog} />`;
}

function Page({ shown, known, chosen, asked }) {
  const lost = useCell(unavailable);
  if (!shown.ofIndex) return html`<${shown.page} />`;
  if (known === null) return html`<${Waiting} />`;
  if (chosen) return html`<${shown.page} key=${chosen.uuid} index=${chosen} />`;
  return html`
    ${lost.map((failure) => html`<p class="notice bad">${failure.message}</p>`)}
    ${asked !== null && known.length > 0 && html`<p class="notice">There is no index <code>${asked}</code> any longer.</p>`}
    ${known.length === 0 && html`<div class="empty">
      <h2>No index yet</h2>
      <p>An index appears here as soon as there is one. To make one of a file of vectors:</p>
      <pre tabindex="0"><code>annuli import vectors.npy --index faces --metric cosine --url ${location.origin}</code></pre>
    </div>`}`;
}

function Waiting() {
  const wanted = useCell(keyWanted);
  return html`<p class="notice" role="status">${wanted === null ? 'Asking the server …' : 'Waiting for a key.'}</p>`;
}

function Picker({ page, known, index }) {
  const pick = (/** @type {any} */ event) => { location.hash = address(page, event.target.value); };
  return html`<label class="picker">Index
    <select value=${index} onChange=${pick}>
      ${known.map(({ name }) => html`<option key=${name} value=${name} selected=${name === index}>${name}</option>`)}
    </select>
  </label>`;
}

function Connection() {
  const [here, hears, seen] = [useCell(link), useCell(listening), useCell(cluster)];
  const word = here === 'gone' ? 'gone' : here === 'unknown' ? 'waits' : hears === 'listens' || seen === false ? 'live' : 'looks';
  const say = { gone: 'server gone', waits: 'connecting', live: 'live', looks: 'looking now and then' }[word];
  const what = seen ? 'cluster' : seen === false ? 'single process' : '';
  return html`<p class="connection" role="status"><span class="lamp ${word}" aria-hidden="true"></span>${say}${what && html`<span class="hint"> · ${what}</span>`}</p>`;
}

function Gone() {
  const [here, why] = [useCell(link), useCell(refused)];
  if (here !== 'gone' && why === null) return null;
  return html`<div class="banner" role="alert">
    <p>${here === 'gone' ? html`<strong>The server does not answer.</strong>` : html`<strong>The server refuses:</strong> ${why}.`}
      ${' '}What is shown is what was seen last; it is asked again every few seconds.</p>
    <button onClick=${look}>Ask now</button>
  </div>`;
}

function Theme() {
  const [chosen, setChosen] = useState(globalThis.annuliTheme.chosen);
  const choose = (/** @type {any} */ event) => {
    globalThis.annuliTheme.choose(event.target.value);
    setChosen(event.target.value);
  };
  return html`<label class="theme">Theme
    <select value=${chosen} onChange=${choose}>
      ${['system', 'light', 'dark'].map((theme) => html`<option key=${theme} value=${theme} selected=${theme === chosen}>${theme}</option>`)}
    </select>
  </label>`;
}
