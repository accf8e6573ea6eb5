// Numbers as people read them. Every page writes them alike.

const WHOLE = new Intl.NumberFormat('en');

/** @param {number | null | undefined} number */
export function count(number) {
  return number === null || number === undefined ? '–' : WHOLE.format(number);
}

/** @param {number | null | undefined} number three digits that matter */
export function figure(number) {
  if (number === null || number === undefined || Number.isNaN(number)) return '–';
  if (number === 0) return '0';
  const size = Math.abs(number);
  if (size >= 1000) return WHOLE.format(Math.round(number));
  const digits = number.toPrecision(3);
  return digits.includes('.') ? digits.replace(/\.?0+$/, '') : digits;
}

/** As many digits for each, so that a column of them is read at a glance. @param {number} number */
export function measure(number) {
  return Math.abs(number) >= 100 ? number.toFixed(1) : number.toFixed(4);
}

/** @param {number | null | undefined} milliseconds */
export function time(milliseconds) {
  if (milliseconds === null || milliseconds === undefined || Number.isNaN(milliseconds)) return '–';
  if (milliseconds >= 1000) return `${figure(milliseconds / 1000)} s`;
  if (milliseconds >= 1 || milliseconds === 0) return `${figure(milliseconds)} ms`;
  return `${figure(milliseconds * 1000)} µs`;
}

/** @param {number | null | undefined} size */
export function bytes(size) {
  if (size === null || size === undefined) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [scaled, unit] = [size, 0];
  while (scaled >= 1024 && unit < units.length - 1) [scaled, unit] = [scaled / 1024, unit + 1];
  return `${figure(scaled)} ${units[unit]}`;
}

/** The end of an id: ids that are made one after the other begin alike. @param {string} id */
export function short(id) {
  return id.slice(-8);
}

/** @param {number} number @param {string} one @param {string} [many] */
export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** @param {Date} moment */
export function clock(moment) {
  return moment.toLocaleTimeString('en-GB');
}

/** @param {string} written RFC 3339 */
export function moment(written) {
  const when = new Date(written);
  if (Number.isNaN(when.getTime())) return written;
  const day = when.toDateString() === new Date().toDateString() ? '' : `${when.toLocaleDateString('en-CA')} `;
  return day + clock(when);
}
