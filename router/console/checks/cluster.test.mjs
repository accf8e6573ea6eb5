// The console of a cluster: who holds what, and a rollout from its plan to its end and back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open } from './browser.mjs';
import { startCluster } from './server.mjs';
import { until } from './until.mjs';

let server, browser, tab;

before(async () => {
  [server, browser] = await Promise.all([startCluster(), open()]);
  await server.import('packages');
});
after(async () => {
  await browser?.close();
  await server?.end();
});

async function at(page, work, options) {
  tab = await browser.tab(server.url, page, options);
  await work(tab);
  await tab.leave();
}

const shown = () => tab.getByRole('button', { name: 'Show the plan' }).click();
const begun = () => tab.getByRole('button', { name: 'Start this rollout' }).click();
const board = () => tab.locator('.board');
const official = async () => (await server.get('/v1/cluster')).indexes.packages.generation;
const said = (text) => tab.locator('.outcome').getByText(text).waitFor();

async function dump() {
  const { dumps } = await server.get('/v1/indexes/packages/dumps');
  await tab.getByRole('button', { name: 'Take a dump' }).click();
  await until('one more dump is listed', async () => (await tab.getByRole('button', { name: /^Delete dump/ }).count()) === dumps.length + 1);
}

test('the map shows primaries and replicas, though these hold nothing yet', () => at('map', async () => {
  await tab.getByRole('option', { name: 'shard 1, replica 2, idle' }).waitFor();
  assert.equal(await tab.locator('[role=option]').count(), 6);
  await tab.getByText('live · cluster').waitFor();
}));

test('what happens is told as it happens, and what happened before', () => at('events', async () => {
  await tab.getByRole('log').getByText('node joined').first().waitFor();
  await server.post('/v1/indexes/packages/dumps', {});
  await tab.getByRole('log').getByText('dump taken').waitFor();
  await tab.getByLabel('Kind').selectOption('dump_taken');
  assert.equal(await tab.getByRole('log').getByRole('listitem').count(), 1);
  await tab.getByRole('button', { name: 'Hold still' }).click();
  await tab.getByRole('button', { name: /^Go on/ }).click();
}));

test('a rollout is planned, begun, and watched replica by replica to its end', () => at('operate', async () => {
  await shown();
  const plan = tab.getByRole('group', { name: 'Plan of the rollout' });
  await plan.getByText('Switch').waitFor();
  const steps = await plan.getByRole('listitem').allInnerTexts();
  assert.match(steps[0], /^Prepare on .*\(shard 0\), .*\(shard 1\)/);
  assert.match(steps.at(-1), /^Switch: routers ask for it in place of the primaries/);
  // What the board says, whenever it says something else.
  await tab.evaluate(() => {
    globalThis.told = [];
    new MutationObserver(() => {
      const now = document.querySelector('.phases')?.innerText;
      if (now && now !== globalThis.told.at(-1)) globalThis.told.push(now);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  await begun();
  await board().getByText('routers ask for it').waitFor();
  const told = (await tab.evaluate(() => globalThis.told)).map((text) => Number(/(\d) of 4/.exec(text)[1]));
  assert.deepEqual(told, [...told].sort(), 'replicas became ready one after the other');
  assert.ok(told.some((ready) => ready > 0 && ready < 4), `some on the way: ${told}`);
  assert.equal(told.at(-1), 4);
  assert.equal(await official(), 1);
  await tab.go('map/packages');
  for (const shard of [0, 1]) for (const replica of [1, 2]) await tab.getByRole('option', { name: `shard ${shard}, replica ${replica}, ready, generation 1` }).waitFor();
}));

test('a rollout waits for approval, and the map says what it is about', () => at('operate', async () => {
  await server.post('/v1/indexes/packages/update', { documents: [{ id: 'nginx', metadata: { seen: true } }] });
  await dump();
  await tab.getByRole('checkbox', { name: /wait for approval/ }).check();
  await shown();
  await tab.getByText(/^Wait until somebody approves/).waitFor();
  await begun();
  await board().getByText('waits for approval').waitFor();
  await tab.picture('rollout-board');
  assert.deepEqual(await board().locator('.runner .state').allTextContents(), Array(4).fill('●ready'));
  assert.equal(await official(), 1);
  await tab.go('map/packages');
  await tab.locator('.pith', { hasText: '1 → 2' }).waitFor();
  await tab.picture('rollout-map');
  await tab.go('operate/packages');
  await tab.getByRole('button', { name: 'Approve' }).click();
  await said('The rollout is approved.');
  await board().getByText('routers ask for it').waitFor();
  assert.equal(await official(), 2);
}));

test('a rollout is rolled back, but not before one was asked', () => at('operate', async () => {
  const button = tab.getByRole('button', { name: 'Roll back …' });
  await button.click();
  const dialog = tab.getByRole('dialog', { name: 'Roll back?' });
  await tab.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await official(), 2);
  await button.click();
  await dialog.getByRole('button', { name: 'Roll back' }).click();
  await said(/is rolled back/);
  await until('generation 1 is official again', async () => (await official()) === 1);
  await tab.go('map/packages');
  await tab.getByText('Somebody rolled back').waitFor();
}));

test('a rollout under way is paused and goes on', () => at('operate', async () => {
  await server.post('/v1/indexes/packages/update', { documents: [{ id: 'nginx', metadata: { seen: 2 } }] });
  await dump();
  const { replicas: [replica] } = (await server.get('/v1/cluster')).indexes.packages.shards[0];
  const pid = await server.pidAt(replica.address);
  await shown();
  // A replica that stands still leaves time to pause.
  process.kill(pid, 'SIGSTOP');
  try {
    await begun();
    await tab.getByRole('button', { name: 'Pause' }).click();
    await said('The rollout pauses.');
    await board().getByText('paused').waitFor();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await tab.getByRole('button', { name: 'Resume' }).click();
  await board().getByText('routers ask for it').waitFor();
  assert.equal(await official(), 3);
}));

test('a dump becomes a new index', () => at('operate', async () => {
  await tab.getByRole('button', { name: /^Restore dump/ }).last().click();
  const dialog = tab.getByRole('dialog', { name: 'Restore as a new index' });
  const name = dialog.getByLabel('Name of the new index');
  await name.fill('No Name');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  assert.equal(await name.evaluate((field) => field.validity.patternMismatch), true);
  await name.fill('again');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await said(/^Index again is being made of dump/);
  await until('the new index is there', async () => (await server.get('/v1/indexes/again')).documents === 7825);
  await tab.locator('.picker select').selectOption('again');
  await tab.getByRole('region', { name: 'Table of tasks' }).getByText('restore').waitFor();
}));

test('a dump that is not in use is deleted, one that is in use is not', () => at('operate/packages', async () => {
  const buttons = tab.getByRole('button', { name: /^Delete dump/ });
  await until('three dumps are listed', async () => (await buttons.count()) === 3);
  const drop = async (button) => {
    await button.click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  };
  await drop(buttons.first());
  await tab.locator('.outcome .bad').waitFor();
  assert.equal(await buttons.count(), 3);
  await drop(buttons.nth(1));
  await said(/was deleted/);
  await until('it is listed no longer', async () => (await buttons.count()) === 2);
}, { expected: [/4\d\d.*\/dumps\//] }));

test('another router coordinates when it is asked to', () => at('operate/packages', async () => {
  const before = (await server.get('/v1/cluster')).epoch;
  await tab.getByRole('button', { name: /Let another coordinate/ }).click();
  await tab.getByRole('dialog').getByRole('button', { name: 'Step down' }).click();
  await said(/coordinated until now/);
  await until('somebody was elected', async () => (await server.get('/v1/cluster')).epoch > before);
}));

test('searches are answered by replicas or primaries, as is chosen', () => at('search/packages', async () => {
  await tab.getByRole('radio', { name: 'a document', exact: true }).check();
  await tab.getByLabel('Document id').fill('nginx');
  await tab.getByLabel('Answered by').selectOption('primary');
  const asked = tab.waitForRequest(/\/search$/);
  await tab.getByRole('button', { name: 'Search', exact: true }).click();
  assert.equal((await asked).postDataJSON().consistency, 'primary');
  await tab.getByText(/10 hits near nginx/).waitFor();
}));

test('a replica that dies is seen to be gone, and its successor comes', () => at('map/packages', async () => {
  await tab.getByRole('option', { name: /shard 1, replica 2, ready/ }).waitFor();
  const { replicas } = (await server.get('/v1/cluster')).indexes.packages.shards[1];
  process.kill(await server.pidAt(replicas[1].address), 'SIGKILL');
  await until('its place is filled by another address', async () => {
    const names = await tab.getByRole('option', { name: /shard 1, replica/ }).evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    return names.length === 2 && names.every((name) => name.includes('ready')) && !names.join().includes(replicas[1].address);
  });
}));
