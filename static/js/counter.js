/* The counter: scans go out one after the other, each with its own id, and are kept until the server has answered.
   Plain ES2017. The form works without this file. */
(function () {
  "use strict";
  var page = document.getElementById("counter");
  var form = document.getElementById("scan");
  var live = document.getElementById("live");
  if (!page || !form || !live || !window.fetch) { return; }
  var input = form.elements.code;
  var unsent = document.getElementById("unsent");
  var spoken = document.getElementById("spoken");

  /* --- a UUIDv7, so that a scan sent twice is one event --- */
  function uuid7() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    var ms = Date.now();
    for (var i = 5; i >= 0; i--) { bytes[i] = ms % 256; ms = Math.floor(ms / 256); }
    bytes[6] = (bytes[6] & 15) | 112;
    bytes[8] = (bytes[8] & 63) | 128;
    var hex = Array.prototype.map.call(bytes, function (b) { return ("0" + b.toString(16)).slice(-2); }).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  /* --- scanned or typed? A scanner's characters come faster than fingers: the middle gap is under 45 ms --- */
  var times = [];
  input.addEventListener("input", function () {
    if (!input.value) { times = []; return; }
    times.push(performance.now());
  });
  function method() {
    var length = input.value.trim().length;
    if (length < 6 || times.length < 2 || times.length < length - 1) { return "typed"; }
    var gaps = times.slice(1).map(function (time, i) { return time - times[i]; });
    gaps.sort(function (a, b) { return a - b; });
    return gaps[Math.floor(gaps.length / 2)] < 45 ? "scan" : "typed";
  }
  input.addEventListener("keydown", function (event) {
    /* some scanners end with Tab instead of Enter */
    if (event.key === "Tab" && !event.shiftKey && method() === "scan") {
      event.preventDefault();
      submit(form, null);
    }
  });

  /* --- the queue: one at a time, in order, again until answered --- */
  var queue = [];
  var busy = false;
  var waits = 0;
  function enqueue(target, fields) {
    queue.push({ url: target, fields: fields });
    show();
    next();
  }
  function show() {
    var pending = queue.length;
    unsent.hidden = !(pending > 1 || waits);
    unsent.textContent = page.dataset.textUnsent + ": " + pending;
    unsent.className = waits ? "unsent-bad" : "";
  }
  function later() {
    busy = false;
    waits += 1;
    show();
    setTimeout(next, Math.min(15000, 1000 * Math.pow(2, waits - 1)));
  }
  function next() {
    if (busy || !queue.length) { return; }
    busy = true;
    var item = queue[0];
    fetch(item.url, {
      method: "POST",
      body: new URLSearchParams(item.fields),
      credentials: "same-origin",
      headers: { "HX-Request": "true", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value }
    }).then(function (response) {
      if (response.status === 401 || response.redirected) {
        app.toast(page.dataset.textSignedOut, "bad");
        later();
        return null;
      }
      if (response.status >= 500 || response.status === 429) { later(); return null; }
      return response.text().then(function (html) { done(response.ok ? html : ""); });
    }).catch(later);
  }
  function done(html) {
    queue.shift();
    busy = false;
    waits = 0;
    show();
    if (html) { swap(html); } else { app.signal("error"); app.toast(document.body.dataset.textFailed, "bad"); }
    next();
  }
  function swap(html) {
    var answer = document.createElement("template");
    answer.innerHTML = html;  /* from our own server, escaped there */
    answer.content.querySelectorAll("[data-for]").forEach(function (part) {
      var place = document.getElementById(part.dataset.for);
      place.innerHTML = part.innerHTML;
      if (window.htmx) { window.htmx.process(place); }
    });
    var result = document.getElementById("result");
    if (!result) { return; }
    app.signal(result.dataset.tone);
    spoken.textContent = result.querySelector("strong").textContent + " " + (result.dataset.say || "");
    if (speech && result.dataset.say) { app.say(result.dataset.say); }
    if (form.elements.shelf && result.dataset.shelf && document.activeElement !== form.elements.shelf) {
      form.elements.shelf.value = result.dataset.shelf;
    }
    var choice = result.querySelector(".choose button");
    if (choice) { choice.focus(); } else if (document.activeElement !== form.elements.shelf) { input.focus(); }
  }

  /* --- any scan form of the page: the main one, a choice, a move, an undo --- */
  var clicked = null;
  document.addEventListener("click", function (event) {
    clicked = event.target.closest ? event.target.closest("button") : null;
  }, true);
  function submit(source, button) {
    if (source === form) {
      if (!input.value.trim()) { input.focus(); return; }
      form.elements.method.value = method();
    }
    var fields = [];
    new FormData(source).forEach(function (value, name) { fields.push([name, value]); });
    if (button && button.name) { fields.push([button.name, button.value]); }
    var target = source.getAttribute("action");
    if (source === form) {
      input.value = "";
      times = [];
      form.elements.event_id.value = uuid7();
      var old = document.getElementById("result");
      if (old) {
        old.className = "result result-ready";
        old.querySelector("strong").textContent = page.dataset.textSending;
        old.querySelector(".result-detail").textContent = fields.filter(function (f) { return f[0] === "code"; })[0][1];
        Array.prototype.slice.call(old.children, 2).forEach(function (child) { child.remove(); });
        var big = old.querySelector(".result-big");
        if (big) { big.remove(); }
      }
    }
    enqueue(target, fields);
  }
  document.addEventListener("submit", function (event) {
    var source = event.target;
    if (source.dataset.scan === undefined) { return; }
    event.preventDefault();
    var button = event.submitter || (clicked && clicked.form === source ? clicked : null);
    submit(source, button);
    if (source !== form) { source.querySelectorAll("button").forEach(function (b) { b.disabled = true; }); }
  });
  window.addEventListener("beforeunload", function (event) {
    if (!queue.length) { return; }
    event.preventDefault();
    event.returnValue = page.dataset.textLeave;
  });

  /* --- tools: keyboard on the screen, voice; both remembered on this machine --- */
  function kept(name) {
    try { return window.localStorage.getItem("counter-" + name); } catch (refused) { return null; }
  }
  function keep(name, value) {
    try { window.localStorage.setItem("counter-" + name, value); } catch (refused) { /* private window */ }
  }
  var speech = kept("speech") === "on";
  var keyboard = kept("keyboard") !== "off";
  var keyboardButton = form.querySelector("[data-keyboard]");
  var speechButton = form.querySelector("[data-speech]");
  form.querySelector(".scan-tools").hidden = false;
  function paint() {
    input.setAttribute("inputmode", keyboard ? "text" : "none");
    keyboardButton.setAttribute("aria-pressed", String(keyboard));
    speechButton.setAttribute("aria-pressed", String(speech));
  }
  keyboardButton.addEventListener("click", function () {
    keyboard = !keyboard;
    keep("keyboard", keyboard ? "on" : "off");
    paint();
    input.focus();
  });
  if (!window.speechSynthesis) { speechButton.hidden = true; }
  speechButton.addEventListener("click", function () {
    speech = !speech;
    keep("speech", speech ? "on" : "off");
    paint();
    input.focus();
  });
  paint();

  /* --- F2: to the scan box; Alt+1 …: the operations --- */
  document.addEventListener("keydown", function (event) {
    if (event.key === "F2") { event.preventDefault(); input.focus(); input.select(); }
    if (event.altKey && /^[1-9]$/.test(event.key)) {
      var link = document.querySelector('[data-operation="' + event.key + '"]');
      if (link) { event.preventDefault(); link.click(); }
    }
  });
  if (navigator.wakeLock) { navigator.wakeLock.request("screen").catch(function () {}); }
  input.focus();
})();
