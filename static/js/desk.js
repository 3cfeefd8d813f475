// The call screen's extras: keys, the timer, the draft, saving without leaving the page. All of it works without this file.
const {$, $$, free, say, show} = window.portal;   // its script stands before this one

const EVERY = 10000, RENEW = 60000, HIDDEN_FIELDS = ['csrf_token', 'membership', 'seconds'];
const TYPING = 'textarea, select, [contenteditable], input:not([type=radio]):not([type=checkbox]):not([type=hidden])';
const desk = () => $('[data-desk]');
const call = () => desk() || $('[data-call]');   // a call that is put right has the keys alone
const words = (key, values = {}) => {
  let text = JSON.parse(desk()?.dataset.deskWords || '{}')[key] ?? '';
  for (const [name, value] of Object.entries(values)) text = text.replace(`{${name}}`, value);
  return text;
};

// ---- the draft: kept on the server while something changes, the lease renewed while the page is open
const typed = form => {
  const body = new FormData(form);
  return JSON.stringify([...body].filter(([name, value]) => value !== '' && !HIDDEN_FIELDS.includes(name)));
};
let known = null, kept = '', heard = 0, sending = false, keeping = null;
function settle() {   // a new page: what stands in its form is where the draft begins
  if (known === desk()) return;
  known = desk();
  if (known) { kept = typed(known); heard = Date.now(); begun = 0; asked = -1; }
}
function lost(text) {
  const box = $('[data-lost]');
  if (!box) return;
  const fresh = box.hidden;
  box.hidden = false;
  $('[data-lost-words]', box).textContent = text;
  if (fresh) { box.scrollIntoView({block: 'nearest'}); say(text); }
}
const found = () => { const box = $('[data-lost]'); if (box) box.hidden = true; };
const keep = () => { keeping = keeping || keepNow().finally(() => { keeping = null; }); return keeping; };
async function keepNow() {
  settle();
  const form = desk();
  if (!form || sending) return;
  const now = typed(form), changed = now !== kept;
  if (!changed && Date.now() - heard < RENEW) return;
  try {
    const answer = await fetch(form.dataset.draft, {method: 'POST', body: new FormData(form)});
    if (form !== desk()) return;
    if (answer.redirected) return lost(words('signin'));
    if (!answer.ok) return lost(words('refused'));
    const told = await answer.json();
    kept = now;
    heard = Date.now();
    const place = $('[data-draft-words]');
    if (changed && told.saved && place) place.textContent = told.saved;
    if (told.held) found(); else lost(told.words);
  } catch { if (form === desk()) lost(words('offline')); }
}
setInterval(keep, EVERY);
addEventListener('pagehide', () => {
  const form = desk();
  if (form && typed(form) !== kept) navigator.sendBeacon(form.dataset.draft, new FormData(form));
});

// ---- saving, skipping, pausing: the answer is the next page; without a connection nothing typed goes
addEventListener('submit', async event => {
  const form = event.target;
  if (form !== desk()) return;
  if (event.defaultPrevented && sending) return;
  event.preventDefault();
  if (sending) return;
  sending = true;
  const button = event.submitter, body = new FormData(form);
  if (button?.name) body.append(button.name, button.value);
  const action = button?.hasAttribute('formaction') ? button.formAction : form.action;
  await keeping;   // a draft that comes after the save would stand there at the next call
  try {
    const answer = await fetch(action, {method: 'POST', body});
    const html = await answer.text();
    if (answer.redirected && new URL(answer.url).pathname.startsWith('/login')) lost(words('signin'));
    else if (answer.ok || answer.status === 422) {
      show(html, answer.ok ? answer.url : location.href);
      known = null;
      settle();
      const name = $('#h-name');
      if (answer.ok && name) say(words('saved', {name: name.textContent}));
    } else lost(words('refused'));
  } catch { lost(words('offline')); }
  sending = false;
  free(form);
});

// ---- the agent's own timer
let begun = 0;
const clockWords = seconds => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
function tick() {
  const button = $('[data-timer]');
  if (!button || !begun) return;
  const seconds = Math.floor((Date.now() - begun) / 1000);
  $('[data-seconds]').value = seconds;
  $('[data-timer-words]', button).textContent = words('timer', {time: clockWords(seconds)});
}
function timer(on) {
  const button = $('[data-timer]');
  if (!button || on === Boolean(begun)) return;
  begun = on ? Date.now() - 1000 * Number($('[data-seconds]').value || 0) : 0;
  button.setAttribute('aria-pressed', on);
  tick();
}
setInterval(tick, 1000);

// ---- keys (DESIGN-UX section 10)
const keysOn = () => { try { return localStorage.getItem('desk-keys') !== 'off'; } catch { return true; } };
const choose = input => { input.checked = true; input.focus(); input.dispatchEvent(new Event('change', {bubbles: true})); };
let asked = -1;
function question(step) {
  const all = $$('[data-q]', call()), here = all.indexOf(document.activeElement.closest?.('[data-q]'));
  const next = (here < 0 ? asked : here) + step;
  asked = Math.min(Math.max(next, 0), all.length - 1);
  const fields = $$('input', all[asked]);
  (fields.find(field => field.checked) || fields[0]).focus();
  all[asked].scrollIntoView({block: 'nearest'});
}
function answer(step) {
  const row = document.activeElement.closest?.('[data-q]'), fields = row ? $$('input[type=radio]', row) : [];
  if (!fields.length) return false;
  const now = fields.findIndex(field => field.checked);
  const next = now < 0 ? (step > 0 ? 0 : fields.length - 1) : (now + step + fields.length) % fields.length;
  choose(fields[next]);
  return true;
}
function digit(key) {
  const results = $('[data-results]'), inner = $('#o-none')?.checked;
  const target = $(`[data-key="${key}"]`, inner ? results : $('[data-outcomes]'));
  if (!target || (!inner && results.contains(target))) return;
  choose(target);
  const panel = {unsatisfied: '.opt--unsatisfied', suspicious: '.opt--suspicious', callback: '.opt2--callback'}[target.value];
  if (panel) $('input.pill', $(panel))?.focus();
  if (target.value === 'not_installed') $('#not_before').focus();
}
function escape(target) {
  const skip = $('[data-skip]');
  if (skip?.open) { skip.open = false; $('summary', skip).focus(); return; }
  if (target.matches(TYPING)) return $('#h-name').focus();
  const none = $('#o-none');
  if (none.checked) { none.checked = false; $$('[data-results] > input').forEach(each => { each.checked = false; }); $('#o-satisfied').focus(); }
}
const KEYS = {
  n: () => $('#note').focus(),
  c: () => $('[data-copy-number]')?.click(),
  j: () => { const skip = $('[data-skip]'); if (skip) { skip.open = true; $('select', skip).focus(); } },
  p: () => $('[data-pause]')?.click(),
  '?': () => { const list = $('#h-keys'); list?.scrollIntoView({block: 'nearest'}); list?.focus(); },
};
addEventListener('keydown', event => {
  const form = call(), target = event.target;
  if (!form || event.isComposing || event.keyCode === 229) return;
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); return form.requestSubmit($('[data-save]')); }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === 'Escape') return escape(target);
  if (event.key === 'Enter' && target.matches('[data-skip] input, [data-skip] select')) { event.preventDefault(); return $('[data-skip] button').click(); }
  if (target.matches(TYPING) || !keysOn()) return;
  const inDock = target.closest('.call__dock, [data-outcomes]');
  const stop = done => { if (done !== false) event.preventDefault(); };
  if (/^[1-6]$/.test(event.key)) return stop(digit(event.key));
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') return inDock && target.type === 'radio' ? undefined : stop(question(event.key === 'ArrowDown' ? 1 : -1));
  if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') return inDock ? undefined : stop(answer(event.key === 'ArrowRight' ? 1 : -1));
  const act = KEYS[event.key.toLowerCase()];
  if (act) { event.preventDefault(); act(); }
});
addEventListener('click', event => {
  if (event.target.closest('[data-tel], [data-copy-number]')) timer(true);
  if (event.target.closest('[data-timer]')) timer(!begun);
});
addEventListener('change', event => {
  if (!event.target.matches('[data-keys-on]')) return;
  try { localStorage.setItem('desk-keys', event.target.checked ? 'on' : 'off'); } catch { /* without storage they stay on */ }
});
function arrive() {   // also after a page was replaced
  const box = $('[data-keys-on]');
  if (box) box.checked = keysOn();
}
new MutationObserver(() => { settle(); arrive(); }).observe(document.documentElement, {childList: true});
settle();
arrive();
