/* Drag a stop to another place: what the buttons do, by mouse. The drop is sent as the same form. ES2017. */
(function () {
  "use strict";

  var trips = document.getElementById("trips");
  var form = document.getElementById("drag-form");
  if (!trips || !form) { return; }
  var dragged = null;

  window.addEventListener("load", function () {  /* the address's #trip takes the focus away from the button pressed */
    var button = trips.querySelector("[data-focus]");
    if (button) { window.setTimeout(function () { button.focus(); }, 0); }
  });

  function clear() {
    trips.querySelectorAll(".drop-before").forEach(function (row) { row.classList.remove("drop-before"); });
    trips.querySelectorAll(".drop-end").forEach(function (body) { body.classList.remove("drop-end"); });
  }

  trips.addEventListener("dragstart", function (event) {
    dragged = event.target.closest("tr[draggable]");
    if (!dragged) { return; }
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.seq);
    dragged.classList.add("dragged");
  });

  trips.addEventListener("dragend", function () {
    if (dragged) { dragged.classList.remove("dragged"); }
    dragged = null;
    clear();
  });

  trips.addEventListener("dragover", function (event) {
    if (!dragged) { return; }
    var trip = event.target.closest("details.trip");
    if (!trip) { return; }
    event.preventDefault();
    clear();
    trip.open = true;  /* holding a stop over a closed trip opens it */
    var row = event.target.closest("tbody tr");
    if (row) { row.classList.add("drop-before"); } else { trip.querySelector("tbody").classList.add("drop-end"); }
  });

  trips.addEventListener("drop", function (event) {
    if (!dragged) { return; }
    var trip = event.target.closest("details.trip");
    if (!trip) { return; }
    event.preventDefault();
    var body = trip.querySelector("tbody");
    var rows = Array.prototype.slice.call(body.rows).filter(function (row) { return row !== dragged; });
    var row = event.target.closest("tbody tr");
    if (row === dragged) { return; }
    var place = row ? rows.indexOf(row) : rows.length;
    form.action = dragged.dataset.move;
    form.elements.to_trip.value = body.dataset.trip;
    form.elements.seq.value = place + 1;
    form.requestSubmit();
  });
}());
