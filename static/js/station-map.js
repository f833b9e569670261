/* Stations as points on an empty ground. Every text goes in as text, never as HTML. ES2017. */
(function () {
  "use strict";

  var place = document.getElementById("map");
  if (!place || !window.L) { return; }
  var words = place.dataset;
  var RADIUS = { HUB: 11, CENTRE: 8, OUTLET: 5 };
  var LOOK = {
    active: { fillColor: "#0b7a5c", color: "#ffffff", fillOpacity: 1 },
    suspended: { fillColor: "#ffffff", color: "#b25b00", fillOpacity: 1, dashArray: "3 2" },
    other: { fillColor: "#ffffff", color: "#66736f", fillOpacity: 1 }
  };

  function line(text) {
    var paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  }

  function popup(station) {
    var box = document.createElement("div");
    var name = document.createElement("strong");
    name.textContent = station.name;
    box.appendChild(name);
    box.appendChild(line(station.words));
    if (!station.exact) { box.appendChild(line(words.textDivision)); }
    var link = document.createElement("a");
    link.href = station.url;
    link.textContent = words.textOpen;
    box.appendChild(link);
    return box;
  }

  function draw(data) {
    if (!data.stations.length) {
      place.appendChild(line(words.textEmpty));
      return;
    }
    var map = L.map(place, { attributionControl: false, zoomSnap: 0.5, maxZoom: 16, minZoom: 5 });
    map.fitBounds(data.stations.map(function (s) { return [s.lat, s.lng]; }), { padding: [24, 24], maxZoom: 14 });
    var asked = /^#(-?[0-9]+[.][0-9]+),(-?[0-9]+[.][0-9]+)$/.exec(window.location.hash);  /* #latitude,longitude */
    if (asked) { map.setView([Number(asked[1]), Number(asked[2])], 16); }
    L.control.scale({ imperial: false }).addTo(map);
    var order = ["OUTLET", "CENTRE", "HUB"];  /* the large ones on top */
    data.stations.sort(function (a, b) { return order.indexOf(a.level) - order.indexOf(b.level); });
    data.stations.forEach(function (station) {
      var look = LOOK[station.state] || LOOK.other;
      L.circleMarker([station.lat, station.lng], Object.assign({ radius: RADIUS[station.level], weight: 2 }, look))
        .bindPopup(popup(station))
        .addTo(map);
    });
    var labels = data.townships.map(function (town) {
      var name = document.createElement("span");
      name.textContent = town.name;
      return L.tooltip({ permanent: true, direction: "center", className: "town", interactive: false })
        .setLatLng([town.lat, town.lng])
        .setContent(name);
    });
    function show() {  /* a label that would cover one already shown waits for a closer look */
      var shown = [];
      labels.forEach(function (label) {
        var at = map.latLngToContainerPoint(label.getLatLng());
        var free = shown.every(function (other) { return Math.abs(at.x - other.x) > 84 || Math.abs(at.y - other.y) > 22; });
        if (free) {
          shown.push(at);
          label.addTo(map);
        } else {
          label.remove();
        }
      });
    }
    map.on("zoomend", show);
    show();
  }

  fetch(words.url, { headers: { "Accept": "application/json" }, credentials: "same-origin" })
    .then(function (answer) {
      if (!answer.ok) { throw new Error(String(answer.status)); }
      return answer.json();
    })
    .then(draw)
    .catch(function () { window.app.toast(document.body.dataset.textFailed, "bad"); });
})();
