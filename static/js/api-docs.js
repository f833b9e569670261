/* The API's page: Swagger UI on our own schema. It sends nothing until somebody presses "Execute". */
(function () {
  "use strict";
  const place = document.getElementById("api");
  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    validatorUrl: null,
  });
})();
