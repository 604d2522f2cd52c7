// Sends the form as soon as the page is whole; without this file the button does. Written for old phones: no syntax younger than ES5.
(function () {
  "use strict";
  window.addEventListener("load", function () {
    var form = document.getElementById("again-form");
    // A field may be called "submit" and stand in the way of form.submit.
    if (form && !form.getAttribute("data-ask")) HTMLFormElement.prototype.submit.call(form);
  });
})();
