// What the browsable API, Swagger UI and Redoc need beside their own scripts.
"use strict";

// A block, since an answer written over the document runs this again in the same window.
{
  const dark = matchMedia("(prefers-color-scheme: dark)");

  // Swagger UI has a dark theme, but switches it on only from a bar that we do not show.
  if (document.getElementById("swagger-ui")) {
    const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
    follow();
    dark.addEventListener("change", follow);
  }

  // Both write headings that skip a level, and whoever listens to the page would look for one that is not there.
  const levels = { "#swagger-ui :is(h3.opblock-tag, section.models > h4)": "2", "#redoc h5": "3" };
  if (document.body.matches(".docs")) {
    const level = () => {
      for (const [headings, rank] of Object.entries(levels)) {
        for (const heading of document.querySelectorAll(`${headings}:not([aria-level])`)) heading.ariaLevel = rank;
      }
      // What Swagger UI says before its main.
      for (const words of document.querySelectorAll("#swagger-ui .information-container:not([role])")) {
        words.role = "region";
        words.ariaLabel = "About";
      }
    };
    new MutationObserver(level).observe(document.body, { childList: true, subtree: true });
  }

  // The browsable API: colours for the JSON, and what was typed outlives an answer that refused it. DRF's ajax-form.js
  // writes the answer over the document, but the window stays: nothing is stored.
  if (window.prettyPrint) prettyPrint();
  const typed = document.querySelector("textarea[data-override]");
  if (typed) {
    if (document.querySelector("[data-refused]")) typed.value = window.lastTyped ?? "";
    typed.form.addEventListener("submit", () => {
      window.lastTyped = typed.value;
    });
  }

  // A form changes or deletes what the page shows, and nothing newer: the server refuses that with 412. A page that is
  // itself a refusal shows nothing to change, so the tag of the page before it still counts.
  const heading = document.querySelector("[data-etag]");
  if (heading) window.lastEtag = heading.dataset.etag;
  if (window.jQuery && window.lastEtag) {
    jQuery.ajaxPrefilter((options) => {
      const method = (options.method ?? options.type ?? "GET").toUpperCase();
      if (["PUT", "PATCH", "DELETE"].includes(method)) options.headers = { ...options.headers, "If-Match": window.lastEtag };
    });
  }

  // Redoc: in our colours and letters, and without the mark that it fetches from the site of its makers.
  const place = document.getElementById("redoc");
  if (place) {
    const image = HTMLImageElement.prototype;
    const { setAttribute } = image;
    const { get, set } = Object.getOwnPropertyDescriptor(image, "src");
    const local = (address) => (new URL(address, location).origin === location.origin ? address : "data:,");
    image.setAttribute = function (name, value) {
      setAttribute.call(this, name, name === "src" ? local(value) : value);
    };
    Object.defineProperty(image, "src", {
      get,
      set(value) {
        set.call(this, local(value));
      },
    });

    const style = getComputedStyle(document.documentElement);
    const letters = (name) => style.getPropertyValue(`--${name}`).trim();
    const colour = (name) => {
      // Redoc calculates with its colours: only a computed `color` says which of the two themes' it is.
      place.style.color = `var(--${name})`;
      return getComputedStyle(place).color;
    };
    const theme = {
      colors: {
        primary: { main: colour("cloth") },
        text: { primary: colour("ink"), secondary: colour("quiet") },
        border: { dark: colour("line"), light: colour("line") },
        success: { main: colour("cloth") },
        error: { main: colour("danger") },
        responses: { redirect: { color: colour("quiet"), backgroundColor: colour("sunken") } },
      },
      schema: { nestedBackground: colour("sunken"), linesColor: colour("edge"), typeNameColor: colour("quiet") },
      sidebar: { backgroundColor: colour("sunken"), textColor: colour("ink"), activeTextColor: colour("cloth") },
      rightPanel: {
        backgroundColor: colour("desk"),
        servers: {
          overlay: { backgroundColor: colour("paper"), textColor: colour("ink") },
          url: { backgroundColor: colour("raised") },
        },
      },
      codeBlock: { backgroundColor: colour("desk-deep") },
      typography: {
        fontFamily: letters("sans"),
        headings: { fontFamily: letters("sans") },
        code: { fontFamily: letters("mono"), color: colour("danger"), backgroundColor: colour("sunken") },
        links: { color: colour("cloth") },
      },
    };
    place.style.color = "";
    // Patterns are in a colour of its own that cannot be read in the dark.
    Redoc.init(place.dataset.schema, { theme, hideDownloadButton: true, hideSchemaPattern: true, nativeScrollbars: true }, place);
  }
}
