/* The driver's phone: acts go out one after the other, each with its own id and the time it happened, and are kept
   until the server has answered. Plain ES2017. Every form works without this file. */
(function () {
  "use strict";
  var page = document.getElementById("drive");
  var live = document.getElementById("drive-live");
  if (!page || !live || !window.fetch) { return; }
  var unsent = document.getElementById("unsent");

  /* --- a UUIDv7, so that an act sent twice is one --- */
  function uuid7() {
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    var ms = Date.now();
    for (var i = 5; i >= 0; i--) { bytes[i] = ms % 256; ms = Math.floor(ms / 256); }
    bytes[6] = (bytes[6] & 15) | 112;
    bytes[8] = (bytes[8] & 63) | 128;
    var hex = Array.prototype.map.call(bytes, function (b) { return ("0" + b.toString(16)).slice(-2); }).join("");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  /* --- scanned or typed? A scanner's characters come faster than fingers --- */
  var times = [];
  document.addEventListener("input", function (event) {
    if (event.target.id !== "code") { return; }
    if (!event.target.value) { times = []; return; }
    times.push(performance.now());
  });
  function method(value) {
    var length = value.trim().length;
    if (length < 6 || times.length < 2 || times.length < length - 1) { return "typed"; }
    var gaps = times.slice(1).map(function (time, i) { return time - times[i]; });
    gaps.sort(function (a, b) { return a - b; });
    return gaps[Math.floor(gaps.length / 2)] < 45 ? "scan" : "typed";
  }

  /* --- the queue: one at a time, in order, again until answered --- */
  var queue = [];
  var busy = false;
  var waits = 0;
  function show() {
    unsent.hidden = !(queue.length > 1 || waits);
    unsent.textContent = page.dataset.textUnsent + ": " + queue.length;
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
    var fields = queue[0].concat([["device_now", new Date().toISOString()]]);
    var token = page.querySelector("[name=csrfmiddlewaretoken]").value;
    fetch(window.location.pathname, {
      method: "POST",
      body: new URLSearchParams(fields),
      credentials: "same-origin",
      headers: { "HX-Request": "true", "X-CSRFToken": token }
    }).then(function (response) {
      if (response.status === 401 || response.redirected) {
        app.toast(page.dataset.textSignedOut, "bad");
        later();
        return null;
      }
      if (response.status >= 500 || response.status === 429) { later(); return null; }
      return response.text().then(function (html) { answered(response.ok ? html : ""); });
    }).catch(later);
  }
  function answered(html) {
    queue.shift();
    busy = false;
    waits = 0;
    show();
    if (html) { swap(html); } else { app.signal("error"); app.toast(document.body.dataset.textFailed, "bad"); }
    next();
  }
  function swap(html) {
    var input = document.getElementById("code");
    var typing = input && document.activeElement === input;
    var typed = input ? input.value : "";
    stopCamera();
    document.getElementById("messages").textContent = "";  /* said before the page's first act */
    live.innerHTML = html;  /* from our own server, escaped there */
    var result = document.getElementById("result");
    if (result) {
      app.signal(result.dataset.tone);
      if (!typing) { result.scrollIntoView({ block: "nearest" }); }
    }
    input = document.getElementById("code");
    if (typing && input) {
      input.value = typed;
      input.focus();
    }
    offerCamera();
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.act === undefined) { return; }
    event.preventDefault();
    var code = form.id === "scan" ? form.elements.code : null;
    if (code) {
      if (!code.value.trim()) { code.focus(); return; }
      if (form.elements.method.value !== "scan") { form.elements.method.value = method(code.value); }
    }
    var fields = [];
    new FormData(form).forEach(function (value, name) { fields.push([name, value]); });
    var button = event.submitter;
    if (button && button.name) { fields.push([button.name, button.value]); }
    fields.push(["occurred_at", new Date().toISOString()]);
    if (place) {
      fields.push(["lng", place.longitude.toFixed(6)], ["lat", place.latitude.toFixed(6)],
        ["accuracy_m", String(Math.round(place.accuracy))]);
    }
    form.elements.event_id.value = uuid7();
    if (code) {
      code.value = "";
      times = [];
      form.elements.method.value = "typed";
      code.focus();
    } else {
      form.querySelectorAll("button").forEach(function (button) { button.disabled = true; });
    }
    queue.push(fields);
    show();
    next();
  });
  window.addEventListener("beforeunload", function (event) {
    if (!queue.length) { return; }
    event.preventDefault();
    event.returnValue = page.dataset.textLeave;
  });

  /* --- where the phone is, if it was allowed before: nobody is asked in the middle of work --- */
  var place = null;
  if (navigator.geolocation && navigator.permissions) {
    navigator.permissions.query({ name: "geolocation" }).then(function (state) {
      if (state.state !== "granted") { return; }
      navigator.geolocation.watchPosition(function (fix) { place = fix.coords; }, function () { place = null; },
        { maximumAge: 60000 });
    }).catch(function () {});
  }

  /* --- the camera, where the browser reads bar codes itself --- */
  var stream = null;
  function stopCamera() {
    if (stream) { stream.getTracks().forEach(function (track) { track.stop(); }); }
    stream = null;
  }
  function offerCamera() {
    var button = document.getElementById("camera");
    var can = window.BarcodeDetector && navigator.mediaDevices && navigator.mediaDevices.getUserMedia;
    if (!button || !can) { return; }
    button.hidden = false;
    button.addEventListener("click", function () {
      var view = document.getElementById("camera-view");
      if (stream) { stopCamera(); view.hidden = true; return; }
      navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }).then(function (found) {
        stream = found;
        view.srcObject = found;
        view.hidden = false;
        view.play();
        look(view, new window.BarcodeDetector({ formats: ["code_128", "code_39", "qr_code"] }));
      }).catch(function () { app.toast(page.dataset.textNoCamera, "bad"); });
    });
  }
  function look(view, detector) {
    if (!stream) { return; }
    detector.detect(view).then(function (codes) {
      if (!codes.length) { setTimeout(function () { look(view, detector); }, 200); return; }
      stopCamera();
      view.hidden = true;
      var form = document.getElementById("scan");
      form.elements.code.value = codes[0].rawValue;
      form.elements.method.value = "scan";
      form.requestSubmit();
    }).catch(function () { setTimeout(function () { look(view, detector); }, 500); });
  }
  offerCamera();
  if (navigator.wakeLock) { navigator.wakeLock.request("screen").catch(function () {}); }
})();
