/* Roads by class on an empty ground, with incidents and stations; data-pick: a touch sets the point of a report.
   Every text goes in as text, never as HTML. ES2017. */
(function () {
  "use strict";

  var place = document.getElementById("map");
  if (!place || !window.L) { return; }
  var words = place.dataset;
  var LOOK = {
    "1": { color: "#0f4c81", weight: 6 },
    "2": { color: "#0b7a5c", weight: 5 },
    "3": { color: "#4b8f29", weight: 3.5 },
    "4": { color: "#6b7773", weight: 2 },
    "5": { color: "#8a5a2b", weight: 2, dashArray: "4 4" }
  };
  var SHUT = { color: "#b3202c", weight: 5, dashArray: "2 6" };
  var DOT = { HUB: 8, CENTRE: 6, OUTLET: 3 };
  var marker = null;

  function line(text) {
    var paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  }

  function popup(incident) {
    var box = document.createElement("div");
    var name = document.createElement("strong");
    name.textContent = incident.kind;
    box.appendChild(name);
    box.appendChild(line(incident.words));
    if (incident.url) {
      var link = document.createElement("a");
      link.href = incident.url;
      link.textContent = words.textOpen;
      box.appendChild(link);
    }
    return box;
  }

  function pick(map, lat, lng) {
    if (marker) { marker.remove(); }
    marker = L.circleMarker([lat, lng], { radius: 12, color: "#ffffff", weight: 3, fillColor: "#b3202c", fillOpacity: 1 });
    marker.addTo(map);
    document.getElementById("id_lng").value = lng.toFixed(6);
    document.getElementById("id_lat").value = lat.toFixed(6);
    var said = document.getElementById("picked");
    if (said) { said.textContent = said.dataset.text; }
  }

  function draw(data) {
    var canvas = L.canvas({ padding: 0.3, tolerance: 6 });
    var map = L.map(place, { attributionControl: false, zoomSnap: 0.5, maxZoom: 17, minZoom: 5, renderer: canvas });
    var near = words.near ? window.app.data(words.near) : [];
    var points = near.map(function (s) { return [s.lat, s.lng]; });
    if (!points.length) { points = data.stations.map(function (s) { return [s.lat, s.lng]; }); }
    if (!points.length) { data.roads.forEach(function (r) { points.push(r.p[0]); }); }
    if (!points.length) { points = [[29.86, 107.73]]; }
    map.fitBounds(points, { padding: [24, 24], maxZoom: 14 });
    L.control.scale({ imperial: false }).addTo(map);
    data.roads.slice().sort(function (a, b) { return b.c.localeCompare(a.c); }).forEach(function (road) {
      var look = road.x ? SHUT : (LOOK[road.c] || LOOK["4"]);
      var shape = L.polyline(road.p, Object.assign({ renderer: canvas, interactive: !words.pick }, look)).addTo(map);
      if (road.n && !words.pick) {
        var label = document.createElement("span");
        label.textContent = road.n + (road.x ? " · " + words.textShut : "");
        shape.bindTooltip(label, { sticky: true });
      }
    });
    data.stations.forEach(function (station) {
      var dot = { radius: DOT[station.level] || 3, color: "#ffffff", weight: 1.5, fillColor: "#2b3a36", fillOpacity: 1 };
      var label = document.createElement("span");
      label.textContent = station.name;
      L.circleMarker([station.lat, station.lng], Object.assign({ renderer: canvas }, dot)).bindTooltip(label).addTo(map);
    });
    (near.length ? near : data.incidents).forEach(function (incident) {
      L.circleMarker([incident.lat, incident.lng], { renderer: canvas, radius: 9, color: "#ffffff", weight: 2, fillColor: "#b3202c", fillOpacity: 1 })
        .bindPopup(popup(incident)).addTo(map);
    });
    if (words.pick) {
      map.on("click", function (event) { pick(map, event.latlng.lat, event.latlng.lng); });
      var lng = document.getElementById("id_lng").value;
      var lat = document.getElementById("id_lat").value;
      if (lng && lat) { pick(map, Number(lat), Number(lng)); }
      var here = document.getElementById("here");
      here.addEventListener("click", function () {
        if (!navigator.geolocation) { window.app.toast(here.dataset.textRefused, "bad"); return; }
        navigator.geolocation.getCurrentPosition(function (spot) {
          pick(map, spot.coords.latitude, spot.coords.longitude);
          map.setView([spot.coords.latitude, spot.coords.longitude], 15);
        }, function () { window.app.toast(here.dataset.textRefused, "bad"); }, { timeout: 10000, enableHighAccuracy: true });
      });
    }
  }

  fetch(words.url, { headers: { "Accept": "application/json" }, credentials: "same-origin" })
    .then(function (answer) {
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.json();
    })
    .then(draw)
    .catch(function () { window.app.toast(document.body.dataset.textFailed, "bad"); });
})();
