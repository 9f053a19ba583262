"use strict";

// JSON.parse rounds what lies above 2**53, and an interval without an end ends
// at 2**63-1. A browser too old to keep a number's digits gets the text as sent.
function indented(json) {
  if (!JSON.rawJSON) {
    return json;
  }
  const asWritten = (_key, value, context) =>
    typeof value === "number" ? JSON.rawJSON(context.source) : value;
  return JSON.stringify(JSON.parse(json, asWritten), null, 2);
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function exactNumbers({ React }) {
  const wrapped = (Original, system) => (props) => {
    const { content, contentType } = props;
    if (typeof content !== "string" || !/json/i.test(contentType) || !isJson(content)) {
      return React.createElement(Original, props);
    }
    const code = { language: "json", downloadable: true, fileName: "answer.json", canCopy: true };
    return React.createElement(
      "div",
      null,
      React.createElement("h5", null, "Response body"),
      React.createElement(system.getComponent("HighlightCode", true), code, indented(content)),
    );
  };
  return { wrapComponents: { responseBody: wrapped } };
}

SwaggerUIBundle({
  // From this file on, since the page may be asked for with a slash at its end.
  url: new URL("../openapi.json", document.currentScript.src).href,
  domNode: document.getElementById("api"),
  deepLinking: true,
  plugins: [exactNumbers],
  // Its default sends the document's URL to a public validator.
  validatorUrl: null,
  // With it a link could replace the document by one from elsewhere.
  queryConfigEnabled: false,
});
