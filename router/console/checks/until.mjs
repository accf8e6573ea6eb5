// Waits for what is to come, and says what did not.
import { setTimeout as pause } from 'node:timers/promises';

const PATIENCE_MS = 60_000;

/** Asks again and again until the answer is a yes; what is thrown is a no. */
export async function until(what, ask) {
  const deadline = Date.now() + PATIENCE_MS;
  let last;
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  throw new Error(`waited for this in vain: ${what}`, { cause: last });
}
