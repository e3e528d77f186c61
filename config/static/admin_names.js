// Names for what Django's admin leaves without one: whoever listens to the page is told what a field is.
"use strict";

{
  const name = (element, words) => {
    if (element && !element.ariaLabel) element.ariaLabel = words;
  };
  const nameAll = () => {
    name(document.getElementById("searchbar"), "Search");
    // Rows of a table have their labels above them, which only the eye connects. Select2 draws a field of its own.
    for (const field of document.querySelectorAll(".tabular td :is(input, select, .select2-selection__rendered)")) {
      const column = /(?:field-)?(delete$|(?<=field-)\w+)/.exec(field.closest("td").className);
      if (column && field.type !== "hidden") name(field, column[1]);
    }
    for (const corner of document.querySelectorAll(".tabular th.original:not([role])")) corner.role = "cell";
  };
  addEventListener("load", () => {
    nameAll();
    new MutationObserver(nameAll).observe(document.body, { childList: true, subtree: true });
  });
}
