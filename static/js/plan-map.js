/* A plan's trips on an empty ground: dashed lines from stop to stop, which are not the road. Texts go in as text. ES2017. */
(function () {
  "use strict";

  var place = document.getElementById("map");
  if (!place || !window.L) { return; }
  var COLOURS = ["#0b7a5c", "#b25b00", "#0b4a86", "#961824", "#54327f", "#47534f", "#8a6d00", "#006d77", "#a0337a", "#3c6e21"];

  function line(text) {
    var paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  }

  function box(title, words, trip) {
    var found = document.createElement("div");
    var name = document.createElement("strong");
    name.textContent = title;
    found.appendChild(name);
    found.appendChild(line(words));
    if (trip) {
      var link = document.createElement("a");
      link.href = "#trip-" + trip;
      link.textContent = place.dataset.textOpen;
      found.appendChild(link);
    }
    return found;
  }

  function draw(data) {
    var points = [];
    data.trips.forEach(function (trip) { points = points.concat(trip.points); });
    if (data.hub.at) { points.push(data.hub.at); }
    if (!points.length) {
      place.appendChild(line(place.dataset.textEmpty));
      return;
    }
    var map = L.map(place, { attributionControl: false, zoomSnap: 0.5, maxZoom: 16, minZoom: 5 });
    map.fitBounds(points, { padding: [24, 24], maxZoom: 14 });
    L.control.scale({ imperial: false }).addTo(map);
    data.trips.forEach(function (trip) {
      var colour = COLOURS[trip.colour % COLOURS.length];
      var way = L.polyline(trip.points, { color: colour, weight: trip.bus ? 5 : 3, dashArray: "6 6", opacity: 0.85 });
      way.bindPopup(box(trip.name, trip.words, trip.id)).addTo(map);
      trip.stops.forEach(function (stop) {
        L.circleMarker(stop.at, { radius: 5, weight: 2, color: "#ffffff", fillColor: colour, fillOpacity: 1 })
          .bindPopup(box(stop.name, trip.name + " " + stop.words, trip.id))
          .addTo(map);
      });
    });
    if (data.hub.at) {
      L.circleMarker(data.hub.at, { radius: 11, weight: 2, color: "#ffffff", fillColor: "#111111", fillOpacity: 1 })
        .bindPopup(box(data.hub.name, "", 0))
        .addTo(map);
    }
  }

  function open() {  /* a trip the address names stands open */
    var found = /^#trip-[0-9]+$/.test(window.location.hash) && document.querySelector(window.location.hash);
    if (found && found.tagName === "DETAILS" && !found.open) {
      found.open = true;
      found.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", open);
  open();

  fetch(place.dataset.url, { headers: { Accept: "application/json" } })
    .then(function (answer) { return answer.ok ? answer.json() : Promise.reject(answer.status); })
    .then(draw)
    .catch(function () { place.appendChild(line(place.dataset.textEmpty)); });
}());
