/* Rows of bands are added and removed in place; without this script the same button asks the server for more. ES2017. */
(function () {
  "use strict";

  var count = 0;

  function renumber(row) {
    count += 1;
    row.querySelectorAll("[id]").forEach(function (element) { element.id = "n" + count + "_" + element.id; });
    row.querySelectorAll("[for]").forEach(function (label) { label.htmlFor = "n" + count + "_" + label.htmlFor; });
    row.querySelectorAll("[aria-describedby]").forEach(function (input) { input.removeAttribute("aria-describedby"); });
  }

  function changed(element) {
    element.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.querySelectorAll("[data-bands]").forEach(function (table) {
    var rows = table.querySelector("[data-rows]");
    var add = table.querySelector("[data-add]");
    var model = rows.lastElementChild && rows.lastElementChild.cloneNode(true);
    if (!model) { return; }
    model.querySelectorAll("input").forEach(function (input) {
      input.value = "";
      input.classList.remove("is-invalid");
      input.removeAttribute("aria-invalid");
    });
    model.querySelectorAll(".errors").forEach(function (list) { list.remove(); });
    rows.querySelectorAll("[data-remove]").forEach(function (button) { button.hidden = false; });
    model.querySelectorAll("[data-remove]").forEach(function (button) { button.hidden = false; });

    add.addEventListener("click", function (event) {
      event.preventDefault();
      if (rows.children.length >= 12) { return; }
      var row = model.cloneNode(true);
      renumber(row);
      rows.appendChild(row);
      row.querySelector("input").focus();
    });
    rows.addEventListener("click", function (event) {
      var button = event.target.closest("[data-remove]");
      if (!button) { return; }
      button.closest("[data-row]").remove();
      changed(add);
      add.focus();
    });
  });
}());
