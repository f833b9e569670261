/* What every page needs. Plain ES2017: old WebViews run it as it is. Pages use window.app. */
(function () {
  "use strict";

  var body = document.body;
  var words = body.dataset;

  /* --- toasts: app.toast("sentence", "ok" | "bad") --- */
  function toast(sentence, tone) {
    var all = document.getElementById("toasts");
    /* a poll that fails every two seconds says so once */
    if (!all || !sentence || (all.lastChild && all.lastChild.textContent === sentence)) { return; }
    var line = document.createElement("div");
    line.className = "toast-line" + (tone ? " " + tone : "");
    line.textContent = sentence;
    all.appendChild(line);
    setTimeout(function () { line.remove(); }, tone === "bad" ? 8000 : 4000);
  }

  /* --- app.ask("question", "yes word"): a promise of true or false --- */
  function ask(question, yes) {
    var dialog = document.getElementById("confirm");
    if (!dialog || !dialog.showModal) {
      return Promise.resolve(window.confirm(question));
    }
    var button = dialog.querySelector('[value="yes"]');
    document.getElementById("confirm-text").textContent = question;
    button.textContent = yes || button.dataset.default;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise(function (resolve) {
      dialog.addEventListener("close", function () { resolve(dialog.returnValue === "yes"); }, { once: true });
    });
  }

  /* --- submit once; ask first where data-confirm says so --- */
  var confirmed = new WeakSet();
  document.addEventListener("submit", function (event) {
    var form = event.target;
    var button = event.submitter || document.activeElement;
    if (form.method === "dialog") { return; }
    var source = button && button.form === form && button.dataset.confirm ? button : form;
    if (source.dataset.confirm && !confirmed.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      ask(source.dataset.confirm, source.dataset.yes).then(function (yes) {
        if (!yes) { return; }
        confirmed.add(form);
        if (form.requestSubmit) {
          form.requestSubmit(button && button.form === form && button.type === "submit" ? button : undefined);
        } else {
          form.submit();
        }
      });
      return;
    }
    confirmed.delete(form);
    if (form.method !== "post" || form.dataset.again !== undefined) { return; }
    if (form.getAttribute("aria-busy") === "true") {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.setAttribute("aria-busy", "true");
  }, true);
  function release() {
    document.querySelectorAll('form[aria-busy="true"]').forEach(function (form) { form.removeAttribute("aria-busy"); });
  }
  window.addEventListener("pageshow", release);  /* the back button shows the page as it was left */
  document.addEventListener("htmx:afterRequest", function (event) {
    var form = event.detail.elt.closest("form");  /* only its own: a poll must not free a form that is under way */
    if (form) { form.removeAttribute("aria-busy"); }
  });

  /* --- htmx: say what went wrong, in the reader's language --- */
  document.addEventListener("htmx:confirm", function (event) {
    var question = event.detail.elt.dataset.confirm;
    if (!question || event.detail.elt.tagName === "FORM") { return; }
    event.preventDefault();
    ask(question, event.detail.elt.dataset.yes).then(function (yes) {
      if (yes) { event.detail.issueRequest(true); }
    });
  });
  document.addEventListener("htmx:sendError", function () { toast(words.textOffline, "bad"); });
  document.addEventListener("htmx:responseError", function (event) {
    toast(event.detail.xhr.status === 401 ? words.textSignedOut : words.textFailed, "bad");
  });

  /* --- "/" goes to the search field, unless something is being typed --- */
  document.addEventListener("keydown", function (event) {
    if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey) { return; }
    var at = document.activeElement;
    if (at && (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || at.isContentEditable)) { return; }
    var search = document.querySelector("[data-search] input, input[data-search], input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });

  /* --- a refused form is read out at once --- */
  function focusOn(root) {
    var place = root.querySelector("[data-focus]");
    if (place) { place.focus(); }
  }
  focusOn(document);
  document.addEventListener("htmx:afterSwap", function (event) { focusOn(event.target); });

  document.addEventListener("click", function (event) {
    var button = event.target.closest ? event.target.closest("[data-print]") : null;
    if (button) { window.print(); }
  });

  /* --- feedback at the counter: three channels at once, because vans are loud and eyes are on the parcel --- */
  var audio = null;
  function tone(hertz, ms, delay) {
    var Context = window.AudioContext || window.webkitAudioContext;
    if (!Context) { return; }
    try {
      audio = audio || new Context();
      if (audio.state === "suspended") { audio.resume(); }
      var start = audio.currentTime + (delay || 0) / 1000;
      var oscillator = audio.createOscillator();
      var gain = audio.createGain();
      oscillator.type = "square";
      oscillator.frequency.value = hertz;
      gain.gain.value = 0.15;
      oscillator.connect(gain);
      gain.connect(audio.destination);
      oscillator.start(start);
      oscillator.stop(start + ms / 1000);
    } catch (fault) { /* no sound device: the bar and the vibration remain */ }
  }
  function vibrate(pattern) {
    if (navigator.vibrate) { navigator.vibrate(pattern); }
  }
  var signals = {
    ok: function () { tone(1800, 80); vibrate(40); },
    again: function () { tone(900, 80); tone(900, 80, 140); vibrate([40, 60, 40]); },
    error: function () { tone(300, 350); vibrate([150, 80, 150]); }
  };
  function signal(kind) { (signals[kind] || signals.error)(); }
  function say(sentence) {
    if (!window.speechSynthesis || !window.SpeechSynthesisUtterance) { return false; }
    window.speechSynthesis.cancel();  /* the newest scan is the one that matters */
    var utterance = new SpeechSynthesisUtterance(sentence);
    utterance.lang = document.documentElement.lang.indexOf("zh") === 0 ? "zh-CN" : "en-US";
    window.speechSynthesis.speak(utterance);
    return true;
  }

  /* --- a long row of tabs is scrolled on a phone: to where one is, without moving the page --- */
  document.querySelectorAll(".tabs .active").forEach(function (tab) {
    var row = tab.closest(".tabs");
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.clientWidth) / 2;
  });

  /* --- app.data("id"): what a page left in <script type="application/json" id="…"> (json_script) --- */
  function data(id) {
    var source = document.getElementById(id);
    return source ? JSON.parse(source.textContent) : null;
  }

  window.app = { toast: toast, ask: ask, signal: signal, say: say, data: data };
})();
