// Extras only: every page works without this file. Behaviour hangs on data attributes; words come from <body data-words>.
const $ = (what, from = document) => from.querySelector(what);
const $$ = (what, from = document) => [...from.querySelectorAll(what)];
const words = (key, values = {}) => {
  let text = JSON.parse(document.body.dataset.words || '{}')[key] ?? '';
  for (const [name, value] of Object.entries(values)) text = text.replace(`{${name}}`, value);
  return text;
};
const say = text => { const live = $('[data-say]'); if (live) live.textContent = text; };
document.documentElement.classList.add('js');

// ---- the server's clock: PORTAL_NOW and wrong clocks of computers must not matter
let ahead = 0, read = '';
function readClock() {   // once for each page: a part fetched later does not bring a new one
  const shown = document.body.dataset.now || '';
  if (shown === read) return;
  read = shown;
  ahead = (Date.parse(shown) || Date.now()) - Date.now();
}
const now = () => Date.now() + ahead;

// ---- remaining time (data-due, data-levels="warn bad" in seconds, data-long); rounded down as portal/clocks/rules.py does
function span(seconds, long) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (seconds <= 7200) return words('minutes', {n: minutes});
  const parts = [];
  if (days) parts.push(words(days === 1 ? 'day' : 'days', {n: days}));
  if (seconds <= 864000 && hours % 24) parts.push(words('hours', {n: hours % 24}));
  if (seconds <= 864000 && minutes % 60 && (long || !days)) parts.push(words('minutes', {n: minutes % 60}));
  return parts.join(' ');
}
function countDown() {
  for (const el of $$('[data-due]')) {
    const left = (Date.parse(el.dataset.due) - now()) / 1000, late = left <= 0;
    const [warn, bad] = (el.dataset.levels || '').split(' ').map(Number);
    const kinds = ['far', 'warn', 'bad'], big = el.classList.contains('due-l'), name = big ? 'due-l' : 'due';
    const was = kinds.find(kind => el.classList.contains(`${name}--${kind}`)) || 'far';
    let kind = was;
    if (late) kind = 'bad'; else if (el.dataset.levels) kind = left <= bad ? 'bad' : left <= warn ? 'warn' : 'far';
    const far = Math.abs(left), soon = far < 60;
    const text = words((late ? 'late' : 'left') + (soon ? '_soon' : ''), {t: span(far, 'long' in el.dataset)});
    const place = $('b', el);
    if (place && text && place.textContent !== text) place.textContent = text;
    if (kind !== was) {
      el.classList.replace(`${name}--${was}`, `${name}--${kind}`);
      $('use', el)?.setAttribute('href', kind === 'bad' ? '#i-alert' : '#i-clock');
      say(words(late ? 'passed' : 'level', {t: text}));
    }
  }
  const clock = $('[data-clock]');
  if (clock && document.body.dataset.now) {   // the network's wall clock: shift its own hours and minutes, the browser's zone plays no part
    const shown = document.body.dataset.now, offset = /([+-])(\d\d):(\d\d)$/.exec(shown);
    const minutes = offset ? (offset[1] === '-' ? -1 : 1) * (Number(offset[2]) * 60 + Number(offset[3])) : 0;
    const there = new Date(now() + minutes * 60000).toISOString();
    if (there.slice(0, 10) === shown.slice(0, 10)) clock.textContent = clock.textContent.replace(/\d\d:\d\d/, there.slice(11, 16));
  }
}

// ---- one element, or the whole page, from an answer
const parse = html => new DOMParser().parseFromString(html, 'text/html');
const address = () => location.pathname + location.search;
let shown = address();
function show(html, url) {
  const page = parse(html);
  history.pushState({}, '', url);
  shown = address();
  document.title = page.title;
  document.documentElement.lang = page.documentElement.lang;
  document.body.replaceWith(page.body);
  scrollTo(0, 0);
  begin();
  if (!$('[data-focus]')) $('#main')?.focus();
}
addEventListener('popstate', () => address() === shown || location.reload()); // an anchor of this page is no other page
async function swap(el, url, init) {
  const target = $(el.dataset.swap);
  target.setAttribute('aria-busy', 'true');
  try {
    const answer = await fetch(url, {headers: {'X-Partial': '1'}, ...init});
    if (answer.redirected || (!answer.ok && answer.status !== 422)) return location.assign(answer.url);
    const page = parse(await answer.text());
    target.replaceWith($(el.dataset.swap, page) ?? page.body.firstElementChild);
    begin();
  } catch { target.removeAttribute('aria-busy'); if (el.href) location.assign(el.href); else free(el); }
}

// ---- a job's progress: fetch the page again, take the same element from it, until it asks no more
async function poll(el, wait = 1000) {
  el.dataset.polling = '1';
  await new Promise(done => setTimeout(done, wait));
  if (!el.isConnected) return;
  if (document.hidden) return poll(el, 2000);
  try {
    const answer = await fetch(el.dataset.poll, {headers: {'X-Partial': '1'}});
    const page = parse(await answer.text()), fresh = page.getElementById(el.id);
    if (!answer.ok) return poll(el, Math.min(wait * 2, 15000));
    if (answer.redirected || !fresh) return location.assign(answer.redirected ? answer.url : location.href);
    el.replaceWith(fresh);
    if (fresh.dataset.poll) poll(fresh, Math.min(wait * 1.2, 5000));
    else if (fresh.dataset.done) location.assign(fresh.dataset.done);
  } catch { poll(el, Math.min(wait * 2, 15000)); }
}

// ---- upload with real progress
const size = (bytes, unit) => unit === 'MB' ? `${(bytes / 1048576).toFixed(1)} MB` : `${Math.ceil(bytes / 1024)} KB`;
const picked = input => { const all = [...input.files]; return all.map(file => file.name).join(', '); };
function named(box, input) {
  if (!input.files.length) return;
  const bytes = [...input.files].reduce((sum, file) => sum + file.size, 0);
  $('[data-drop-words]', box).textContent = `${picked(input)} (${size(bytes, bytes > 1048576 ? 'MB' : 'KB')})`;
}
function put(box, files) {
  const input = $('input[type=file]', box);
  if (!files.length || input.disabled) return;
  const carrier = new DataTransfer();
  for (const file of input.multiple ? files : [files[0]]) carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event('change', {bubbles: true}));
}
function send(form, button) {
  const input = $('input[type=file]', form), box = input.closest('[data-drop]'), panel = $('[data-sending]', box);
  const part = name => $(`[data-${name}]`, panel);
  const body = new FormData(form);
  if (button?.name) body.append(button.name, button.value);
  const request = new XMLHttpRequest();
  const over = text => { part('words').textContent = text; part('cancel').hidden = true; free(form); };
  $('[data-kind]', panel).textContent = (input.files[0].name.split('.').pop() || '').slice(0, 4).toUpperCase();
  part('name').textContent = picked(input);
  part('percent').textContent = '0%';
  part('bar').setAttribute('width', 0);
  part('cancel').hidden = false;
  part('cancel').onclick = () => request.abort();
  panel.hidden = false;
  request.upload.onprogress = event => {
    if (!event.lengthComputable) return;
    const percent = Math.floor(100 * event.loaded / event.total), unit = event.total > 1048576 ? 'MB' : 'KB';
    part('percent').textContent = `${percent}%`;
    part('bar').setAttribute('width', percent);
    part('words').textContent = words('sending', {done: size(event.loaded, unit).split(' ')[0], all: size(event.total, unit)});
  };
  request.upload.onload = () => { part('words').textContent = words('sent'); part('cancel').hidden = true; };
  request.onerror = request.ontimeout = () => over(words('lost'));
  request.onabort = () => over(words('stopped'));
  request.onload = () => {
    if (!/html/.test(request.getResponseHeader('Content-Type') || '')) return location.assign(request.responseURL);
    show(request.responseText, request.responseURL);
  };
  request.open('POST', form.action);
  request.send(body);
}

// ---- one click, one answer: a second one while the first is under way does nothing
const free = form => { if (!form?.matches?.('form')) return; delete form.dataset.busy; form.removeAttribute('aria-busy'); };
addEventListener('submit', event => {
  const form = event.target, button = event.submitter;
  if (form.dataset.busy) return event.preventDefault();
  const post = form.method === 'post';
  if (post && !('again' in form.dataset)) { form.dataset.busy = '1'; form.setAttribute('aria-busy', 'true'); setTimeout(() => free(form), 20000); }
  if ('upload' in form.dataset && $('input[type=file]', form)?.files.length) { event.preventDefault(); return send(form, button); }
  if (form.dataset.swap) {
    event.preventDefault();
    const body = new FormData(form);
    if (button?.name) body.append(button.name, button.value);
    const query = new URLSearchParams(body);
    return post ? swap(form, form.action, {method: 'POST', body}).finally(() => free(form)) : swap(form, `${form.action.split('?')[0]}?${query}`);
  }
});
addEventListener('pageshow', () => $$('form[data-busy]').forEach(free));

// ---- ticked rows
function ticked(form) {
  const boxes = $$('[data-one]', form), on = boxes.filter(box => box.checked).length, bar = $('[data-bulk]', form);
  const all = $('[data-all]', form);
  if (all) { all.hidden = false; all.checked = on > 0 && on === boxes.length; all.indeterminate = on > 0 && on < boxes.length; }
  boxes.forEach(box => box.closest('tr, li')?.classList.toggle('sel', box.checked));
  if (!bar) return;
  bar.hidden = !on;
  const count = $('[data-count]', bar), none = $('[data-none]', bar);
  if (count) count.textContent = count.dataset.template.replace('{n}', on);
  if (none) none.hidden = false;
  const found = $('[data-found]', bar);   // all that the filter finds: offered once the whole page is ticked
  if (found) { found.hidden = on < boxes.length; if (found.hidden) $('input', found).checked = false; }
}
const tickAll = (form, on) => { $$('[data-one]', form).forEach(box => { box.checked = on; }); ticked(form); };

// ---- delegated listeners: they outlive a replaced page
addEventListener('click', async event => {
  const on = what => event.target.closest?.(what);
  const link = on('a[data-swap]');
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0) { event.preventDefault(); return swap(link, link.href); }
  const eye = on('[data-show]');
  if (eye) {
    const input = $(eye.dataset.show), open = input.type === 'password';
    input.type = open ? 'text' : 'password';
    eye.setAttribute('aria-pressed', open);
    eye.textContent = open ? eye.dataset.on : eye.dataset.off;
  }
  const copy = on('[data-copy]');
  if (copy) {
    const from = $(copy.dataset.copy), text = from ? (from.value ?? from.textContent) : copy.dataset.copyText;
    try { await navigator.clipboard.writeText(text.trim()); } catch { from?.select?.(); document.execCommand('copy'); }
    copy.dataset.before ??= copy.innerHTML;
    copy.textContent = words('copied');
    say(words('copied'));
    setTimeout(() => { copy.innerHTML = copy.dataset.before; }, 2000);
  }
  if (on('[data-none]')) tickAll(on('[data-select]'), false);
  const fill = on('[data-fill]');   // the demonstration's accounts
  if (fill && !fill.form) { const target = $(fill.dataset.fill); if (target) target.value = fill.dataset.value; }
  for (const menu of $$('details.acct[open]')) if (!menu.contains(event.target)) menu.open = false;
});
addEventListener('change', event => {
  const el = event.target, form = el.closest?.('[data-select]');
  if (form && el.matches('[data-all]')) tickAll(form, el.checked);
  else if (form && el.matches('[data-one]')) ticked(form);
  const box = el.closest?.('[data-drop]');
  if (box && el.type === 'file') { named(box, el); if ('auto' in (el.form?.dataset ?? {}) && el.files.length) el.form.requestSubmit(); }
  if (el.matches?.('select[data-go]')) el.form.requestSubmit();
});
const zone = event => [...(event.dataTransfer?.types ?? [])].includes('Files') && (event.target.closest?.('[data-drop]') ?? $('[data-drop]'));
addEventListener('dragover', event => { const box = zone(event); if (box) { event.preventDefault(); box.classList.add('is-over'); } });
addEventListener('dragleave', event => { if (!event.relatedTarget) $$('.is-over').forEach(box => box.classList.remove('is-over')); });
addEventListener('drop', event => {
  const box = zone(event);
  if (!box) return;
  event.preventDefault();
  box.classList.remove('is-over');
  put(box, [...event.dataTransfer.files]);
});
addEventListener('paste', event => {
  const box = $('[data-drop]'), files = [...(event.clipboardData?.files ?? [])];
  if (box && files.length) { event.preventDefault(); put(box, files); }
});
addEventListener('keydown', event => {
  if (event.key === 'Escape') $$('details.acct[open]').forEach(menu => { menu.open = false; $('summary', menu).focus(); });
  if (event.key !== '/' || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, textarea, select, [contenteditable]')) return;
  const find = $('[data-find]');
  if (find && find.offsetParent) { event.preventDefault(); find.focus(); find.select(); }
});

// ---- what a page needs when it appears
function begin() {
  readClock();
  countDown();
  $$('[data-show], [data-copy], [data-js]').forEach(el => { el.hidden = false; });
  $$('[data-select]').forEach(ticked);
  $$('[data-poll]').forEach(el => { if (!el.dataset.polling) poll(el); });
  $('[data-focus]')?.focus();
}
begin();
setInterval(countDown, 60000 / 4);
document.addEventListener('visibilitychange', () => { if (!document.hidden) countDown(); });

window.portal = {$, $$, free, say, show};   // for desk.js: an import without this file's version would run it a second time
