/* The live map (polls) and the replay of one trip (a slider). Every text goes in as text, never as HTML. ES2017. */
(function () {
  "use strict";
  if (!window.L) { return; }

  function ground(place, points) {
    var map = L.map(place, { attributionControl: false, zoomSnap: 0.5, maxZoom: 16, minZoom: 5 });
    map.fitBounds(points, { padding: [32, 32], maxZoom: 14 });
    L.control.scale({ imperial: false }).addTo(map);
    return map;
  }
  function tip(text, permanent, below) {
    var words = document.createElement("span");
    words.className = "vehicle-label";
    words.textContent = text;
    return { content: words, options: { permanent: permanent, direction: below ? "bottom" : "top", offset: [0, below ? 8 : -8] } };
  }
  function dot(at, look, text, permanent) {
    var found = tip(text, permanent, look === STATION);  /* a vehicle stands at a station: neither covers the other */
    return L.circleMarker(at, look).bindTooltip(found.content, found.options);
  }
  var STATION = { radius: 5, weight: 2, color: "#66736f", fillColor: "#ffffff", fillOpacity: 1 };
  var GOOD = { radius: 9, weight: 2, color: "#ffffff", fillColor: "#0b5d4e", fillOpacity: 1 };
  var BAD = { radius: 9, weight: 3, color: "#961824", fillColor: "#f3c6cb", fillOpacity: 1 };

  /* --- live --- */
  var place = document.getElementById("map");
  if (place) {
    var words = place.dataset;
    var list = document.getElementById("live-list");
    var map = null;
    var layer = L.layerGroup();

    var paragraph = function (item, text, name) {
      var line = document.createElement("p");
      line.textContent = text;
      line.className = name;
      item.appendChild(line);
    };
    var row = function (trip) {
      var item = document.createElement("li");
      if (trip.alerts.length) { item.className = "alerting"; }
      var link = document.createElement("a");
      link.href = trip.url;
      link.textContent = trip.vehicle || trip.code;
      item.appendChild(link);
      paragraph(item, [trip.label, trip.driver].filter(Boolean).join(" · "), "");
      if (trip.next) { paragraph(item, words.textNext + " " + trip.next, ""); }
      var seen = trip.seen ? trip.seen + (trip.source === "scan" ? " " + words.textScan : "") : words.textNowhere;
      paragraph(item, seen, "quiet");
      trip.alerts.forEach(function (alert) { paragraph(item, alert, "live-alert"); });
      return item;
    };
    var draw = function (data) {
      document.getElementById("live-at").textContent = words.textAsOf + " " + data.at;
      list.textContent = "";
      data.trips.forEach(function (trip) { list.appendChild(row(trip)); });
      if (!data.trips.length) { paragraph(list.appendChild(document.createElement("li")), words.textNone, "quiet"); }
      var placed = data.trips.filter(function (trip) { return trip.lat !== null; });
      var points = data.stations.concat(placed).map(function (p) { return [p.lat, p.lng]; });
      if (!points.length) { return; }
      if (!map) {
        map = ground(place, points);
        layer.addTo(map);
      }
      layer.clearLayers();
      data.stations.forEach(function (s) { dot([s.lat, s.lng], STATION, s.name, data.stations.length < 16).addTo(layer); });
      placed.forEach(function (trip) {
        dot([trip.lat, trip.lng], trip.alerts.length ? BAD : GOOD, trip.vehicle || trip.code, placed.length < 13)
          .addTo(layer);
      });
    };
    var poll = function () {
      fetch(words.url, { headers: { "Accept": "application/json" }, credentials: "same-origin" })
        .then(function (answer) {
          if (!answer.ok) { throw new Error(String(answer.status)); }
          return answer.json();
        })
        .then(draw)
        .catch(function () { window.app.toast(document.body.dataset.textOffline, "bad"); })
        .then(function () { setTimeout(poll, 10000); });
    };
    poll();
  }

  /* --- replay --- */
  var over = document.getElementById("replay-map");
  if (over) {
    var data = window.app.data("replay-data");
    var slider = document.getElementById("replay-time");
    var clock = document.getElementById("replay-clock");
    var where = document.getElementById("replay-where");
    var play = document.getElementById("replay-play");
    var stopTimes = [];
    data.stops.forEach(function (stop) {
      [stop.arrived, stop.left].forEach(function (at) { if (at) { stopTimes.push([at, stop.lng, stop.lat]); } });
    });
    var track = (data.points.length ? data.points : stopTimes).slice().sort(function (a, b) { return a[0] - b[0]; });
    var all = track.map(function (p) { return [p[2], p[1]]; })
      .concat(data.stops.map(function (s) { return [s.lat, s.lng]; }));
    var canvas = ground(over, all);
    data.stops.forEach(function (s) { dot([s.lat, s.lng], STATION, s.name, data.stops.length < 16).addTo(canvas); });
    if (data.points.length) {
      L.polyline(data.points.map(function (p) { return [p[2], p[1]]; }), { color: "#0b5d4e", weight: 3, opacity: 0.6 })
        .addTo(canvas);
    }
    if (track.length) {
      var first = track[0][0];
      var last = track[track.length - 1][0];
      var van = L.circleMarker([track[0][2], track[0][1]], GOOD).addTo(canvas);
      slider.max = String(Math.max(1, last - first));
      var show = function () {
        var at = first + Number(slider.value);
        var i = 0;
        while (i + 1 < track.length && track[i + 1][0] <= at) { i += 1; }
        van.setLatLng([track[i][2], track[i][1]]);
        clock.textContent = new Date(at * 1000)
          .toLocaleTimeString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false });
        var stop = data.stops.filter(function (s) { return s.arrived && s.arrived <= at && (!s.left || s.left >= at); })[0];
        where.textContent = stop ? over.dataset.textAt + " " + stop.name : over.dataset.textRoad;
        slider.setAttribute("aria-valuetext", clock.textContent + " " + where.textContent);
      };
      var timer = null;
      play.addEventListener("click", function () {
        if (timer) {
          clearInterval(timer);
          timer = null;
          play.textContent = play.dataset.textPlay;
          return;
        }
        if (Number(slider.value) >= Number(slider.max)) { slider.value = "0"; }
        play.textContent = play.dataset.textStop;
        timer = setInterval(function () {
          slider.value = String(Number(slider.value) + Math.max(1, Number(slider.max) / 200));
          show();
          if (Number(slider.value) >= Number(slider.max)) { play.click(); }
        }, 100);
      });
      slider.addEventListener("input", show);
      show();
    }
  }
})();
