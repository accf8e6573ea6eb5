// The console before a server that asks for keys.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { open } from './browser.mjs';
import { startWithKeys } from './server.mjs';

const READER = 'key-of-the-reader-0001';
const ADMIN = 'key-of-the-admin-00003';
/** It says that it is no cluster, once it may be asked. */
const NO_CLUSTER = /422.*\/v1\/(cluster|events)$/;
let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startWithKeys({ read: READER, admin: ADMIN }), open()]);
  await server.import('packages');
});
after(async () => {
  await browser?.close();
  await server?.end();
});

/** A tab that was let in by `key`. */
async function letIn(page, key) {
  const tab = await browser.tab(server.url, page, { expected: [/401/, /403/, NO_CLUSTER] });
  const dialog = tab.getByRole('dialog', { name: 'This server asks for a key' });
  await dialog.getByLabel('API key').fill(key);
  await dialog.getByRole('button', { name: 'Use this key' }).click();
  await dialog.waitFor({ state: 'detached' });
  return tab;
}

test('who has no key sees that one is asked for, and nothing else', async () => {
  const tab = await browser.tab(server.url, 'map', { expected: [/401/] });
  const dialog = tab.getByRole('dialog', { name: 'This server asks for a key' });
  await dialog.getByText(/asks for a key/).first().waitFor();
  await dialog.getByLabel('API key').fill('key-of-nobody-at-all');
  await dialog.getByRole('button', { name: 'Use this key' }).click();
  await dialog.getByText(/That key was refused/).waitFor();
  assert.equal(await tab.getByText('packages').count(), 0);
  await tab.leave();
});

test('who may read sees figures and finds packages, and is told which role a dump needs', async () => {
  const tab = await letIn('search/packages', READER);
  await tab.getByRole('radio', { name: 'a document', exact: true }).check();
  await tab.getByLabel('Document id').fill('nginx');
  await tab.getByRole('button', { name: 'Search', exact: true }).click();
  await tab.getByRole('region', { name: 'Hits' }).waitFor();
  await tab.go('charts');
  await tab.locator('.plot').first().waitFor();
  await tab.go('operate/packages');
  await tab.getByRole('button', { name: 'Take a dump' }).click();
  await tab.getByText(/has the role read, this needs admin/).waitFor();
  await tab.leave();
});

test('who may do everything takes a dump', async () => {
  const tab = await letIn('operate/packages', ADMIN);
  await tab.getByRole('button', { name: 'Take a dump' }).click();
  await tab.getByRole('button', { name: /^Delete dump/ }).waitFor();
  await tab.leave();
});
