// The console of one process: every page, and what is done there.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, before, test } from 'node:test';
import { open } from './browser.mjs';
import { start } from './server.mjs';
import { until } from './until.mjs';

let server, browser, tab;

before(async () => {
  [server, browser] = await Promise.all([start(), open()]);
});
after(async () => {
  await browser?.close();
  await server?.end();
});

/** Asked once of one process, which has neither: a browser notes each refusal. */
const NO_CLUSTER = [/422.*\/v1\/(cluster|events)$/];

async function at(page, work, options) {
  tab = await browser.tab(server.url, page, { expected: NO_CLUSTER, ...options });
  await work(tab);
  await tab.leave();
}

test('a server without an index says how to make one', () => at('map', async () => {
  await tab.getByRole('heading', { name: 'No index yet' }).waitFor();
  assert.match(await tab.locator('pre').innerText(), /annuli import .*--url http:\/\/127/);
}));

test('an index that is made meanwhile appears', () => at('map', async () => {
  await tab.getByRole('heading', { name: 'No index yet' }).waitFor();
  await server.import('packages');
  await tab.getByRole('listbox', { name: /Shards of packages/ }).waitFor();
}));

test('the map shows the shards of one process, and nothing of a cluster', () => at('map', async () => {
  await tab.getByRole('option', { name: /^shard 1, [\d,]+ documents, process/ }).waitFor();
  const table = tab.getByRole('region', { name: 'Table of holders' });
  const rows = await table.getByRole('row').allInnerTexts();
  assert.equal(rows.length, 3);
  assert.doesNotMatch(rows[0], /Generation|Address/);
  const { indexes: [index] } = await server.get('/v1/indexes');
  assert.match(rows[1], new RegExp(index.shard_status[0].documents.toLocaleString('en')));
  await tab.getByText('One process holds every shard.').waitFor();
  await tab.getByText('live · single process').waitFor();
}));

test('the page of an index shows its schema and what each shard holds', () => at('index', async () => {
  const schema = tab.getByRole('region', { name: 'Schema' });
  await schema.getByText('cosine').waitFor();
  assert.match(await schema.innerText(), /Dimension\s+256[\s\S]*int8/);
  await until('everything is in a segment', async () => (await server.get('/v1/indexes/packages')).status === 'ready');
  await tab.getByRole('region', { name: 'Table of shards' }).getByText('ready').nth(1).waitFor();
  assert.match(await tab.locator('.figures').first().innerText(), /Documents\s+7,825/);
}));

test('what is being built is shown with how far it is, and what does not serve with the reason', () => at('index', async () => {
  await tab.route(/\/v1\/indexes$/, async (route) => {
    const { indexes: [index], ...rest } = await (await route.fetch()).json();
    const [first, second] = index.shard_status;
    const build = { task: '01a1f7a5-0000-7000-8000-000000000000', kind: 'merge', waits: false, documents: 400, done: 100, running_ms: 2500 };
    const broken = { shard: second.shard, error: { code: 'shard_unavailable', message: 'its disk is full', details: {} } };
    await route.fulfill({ json: { ...rest, indexes: [{ ...index, status: 'unavailable', shard_status: [{ ...first, builds: [build] }, broken] }] } });
  });
  await tab.getByText('Merge of segments').waitFor();
  assert.equal(await tab.getByRole('progressbar', { name: 'merge on shard 0' }).evaluate((bar) => bar.value / bar.max), 0.25);
  await tab.getByText('100 of 400 documents').waitFor();
  await tab.getByText('its disk is full').waitFor();
  await tab.go('map');
  await tab.getByRole('option', { name: 'shard 1, process, unavailable' }).click();
  await tab.getByRole('region', { name: 'Chosen in the rings' }).getByText('its disk is full').waitFor();
  await tab.picture('unavailable');
}));

test('a server that refuses to say how it is is told of, in its own words', () => at('map', async () => {
  await tab.getByRole('listbox').waitFor();
  await tab.route(/\/v1\/indexes$/, (route) => route.fulfill({ status: 403, json: { error: { code: 'forbidden', message: 'this key may not read', details: {} } } }));
  await tab.getByRole('alert').getByText(/The server refuses: this key may not read\./).waitFor();
  await tab.unroute(/\/v1\/indexes$/);
  await tab.getByRole('button', { name: 'Ask now' }).click();
  await tab.getByRole('alert').waitFor({ state: 'detached' });
}, { expected: [...NO_CLUSTER, /403/] }));

test('a document by chance is searched for, and then what is like a hit', () => at('search', async () => {
  await tab.getByRole('button', { name: 'Search', exact: true }).click();
  await tab.getByText(/^10 hits near/).waitFor();
  await tab.getByText(/from 2 of 2 shards$/).waitFor();
  const first = tab.getByRole('rowheader').first();
  const id = await first.innerText();
  await tab.getByRole('button', { name: `near this: ${id}` }).click();
  await tab.getByText(`10 hits near ${id} in`).waitFor();
  assert.equal(await tab.getByLabel('Document id').inputValue(), id);
}));

test('a pasted vector is counted, and searched for as it is', () => at('search', async () => {
  await tab.getByRole('radio', { name: 'a vector' }).check();
  const field = tab.getByRole('textbox', { name: 'Vector' });
  await field.fill('[1, 2, 3]');
  await tab.getByText('3 of 256 numbers').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  const { vector } = await server.get('/v1/indexes/packages/documents/nginx');
  await field.fill(JSON.stringify(vector));
  await tab.getByRole('checkbox', { name: 'exact' }).check();
  await tab.getByLabel('Hits', { exact: true }).fill('3');
  await tab.getByRole('button', { name: 'Search', exact: true }).click();
  await tab.getByText(/^3 hits near the vector/).waitFor();
  assert.equal(await tab.getByRole('rowheader').first().innerText(), 'nginx');
  assert.equal(await tab.getByRole('spinbutton', { name: 'Hits' }).inputValue(), '3', 'what was typed stays');
}));

test('a filter is checked while it is typed, and by the server', () => at('search', async () => {
  const [filter, button] = [tab.getByRole('textbox', { name: 'Filter' }), tab.getByRole('button', { name: 'Search', exact: true })];
  await filter.fill('{"section": ');
  await tab.getByText(/this is no JSON yet/).waitFor();
  assert.equal(await button.isDisabled(), true);
  await filter.fill('{"section": {"$near": 1}}');
  await button.click();
  await tab.locator('.notice.bad', { hasText: 'invalid_filter' }).waitFor();
  await filter.fill('{"section": "web"}');
  await button.click();
  await tab.getByText(/^10 hits near/).waitFor();
  const said = await tab.locator('.metadata').allInnerTexts();
  assert.ok(said.length === 10 && said.every((fields) => /section\s+web/.test(fields)), said.join('\n'));
}, { expected: [...NO_CLUSTER, /4\d\d.*\/search$/] }));

test('recall is measured over a sample, and drawn as a curve over ef', () => at('recall', async () => {
  await tab.getByLabel('Documents as queries').fill('20');
  await tab.getByRole('button', { name: 'Take a sample' }).click();
  const figures = tab.locator('.dial .figures');
  await figures.getByText(/least \d/).waitFor();
  const slider = tab.getByRole('slider', { name: 'ef' });
  await slider.fill('100');
  assert.equal(await slider.getAttribute('aria-valuetext'), 'ef 1000');
  await until('a wide beam finds everything', async () => /recall@10\s+1\.000/.test(await figures.innerText()));
  await slider.fill('0');
  await until('a narrow one was measured', async () => /recall@10\s+[01]\.\d{3}/.test(await figures.innerText()));
  await tab.getByRole('button', { name: 'Draw the curve' }).click();
  await until('the curve has its points', async () => (await tab.locator('.plot').first().locator('circle').count()) >= 8);
  await tab.getByText('drawn from all').waitFor();
  assert.equal(await tab.getByLabel('Documents as queries').inputValue(), '20', 'what was typed stays');
}));

test('charts follow what is asked of the server', () => at('charts', async () => {
  const plot = tab.locator('.plot', { hasText: 'Requests each second' });
  await plot.waitFor();
  await until('searches are seen', async () => {
    await server.post('/v1/indexes/packages/search', { id: 'nginx' });
    return Number(/searches\s+([\d.]+)/.exec(await plot.locator('.keys').innerText())?.[1] ?? 0) > 0;
  });
  const latency = tab.locator('.plot', { hasText: 'A search takes' });
  await latency.getByText(/(µs|ms)/).first().waitFor();
  await latency.getByRole('img').focus();
  await tab.keyboard.press('ArrowLeft');
  assert.equal(await latency.locator('.cursor').count(), 1);
}));

test('a dump is taken, listed and deleted, but not before one was asked', () => at('operate', async () => {
  await tab.getByText('there is nothing to roll out').waitFor();
  await tab.getByRole('button', { name: 'Take a dump' }).click();
  await tab.getByText(/^Dump \w+ was asked for/).waitFor();
  await tab.getByRole('region', { name: 'Table of tasks' }).getByText('succeeded').waitFor();
  const button = tab.getByRole('button', { name: /^Delete dump/ });
  await button.click();
  const dialog = tab.getByRole('dialog', { name: 'Delete this dump?' });
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal((await server.get('/v1/indexes/packages/dumps')).dumps.length, 1);
  await button.click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await tab.getByText('None yet.').waitFor();
  assert.deepEqual((await server.get('/v1/indexes/packages/dumps')).dumps, []);
}));

test('the page of events says that one process has none', () => at('events', async () => {
  await tab.getByRole('heading', { name: 'No events here' }).waitFor();
}));

test('a page that nobody looks at asks for nothing', () => at('map', async () => {
  await tab.clock.install();
  await tab.reload();
  await tab.getByRole('listbox').waitFor();
  const hide = (hidden) => tab.evaluate((now) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => now });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  // What was under way ends.
  await tab.waitForLoadState('networkidle');
  const asked = [];
  tab.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await tab.clock.runFor('05:00');
  assert.deepEqual(asked, []);
  await hide(false);
  await until('it asks again', () => ['/v1/indexes', '/v1/tasks', '/metrics'].every((path) => asked.includes(path)));
}));

test('below a path of a proxy everything is found', async (context) => {
  const proxy = createServer((asked, answer) => {
    if (!asked.url.startsWith('/below/')) return answer.writeHead(404).end();
    const passed = request(server.url + asked.url.slice('/below'.length), { method: asked.method, headers: asked.headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      given.pipe(answer);
    });
    return asked.pipe(passed);
  });
  context.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  tab = await browser.tab(`http://127.0.0.1:${proxy.address().port}/below`, 'search', { expected: NO_CLUSTER });
  await tab.getByRole('button', { name: 'Search', exact: true }).click();
  await tab.getByText(/^10 hits near/).waitFor();
  await tab.leave();
});

test('a server that has gone is told of, and found again', () => at('map', async () => {
  await tab.getByRole('listbox').waitFor();
  await server.stop();
  await tab.getByRole('alert').getByText('The server does not answer.').waitFor();
  assert.ok(await tab.getByRole('listbox').isVisible());
  await server.begin();
  await tab.getByRole('button', { name: 'Ask now' }).click();
  await tab.getByRole('alert').waitFor({ state: 'detached' });
}, { expected: [...NO_CLUSTER, /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|503/] }));
