// No names out of nowhere, nothing unused, nothing compared loosely. The globals are all that the viewers may use.
const shared = { globalThis: "readonly", TextDecoder: "readonly", Blob: "readonly", Response: "readonly" };
const browser = {
  ...shared, DecompressionStream: "readonly", Event: "readonly", Option: "readonly", ResizeObserver: "readonly",
  cancelAnimationFrame: "readonly", document: "readonly", history: "readonly", location: "readonly",
  requestAnimationFrame: "readonly", sessionStorage: "readonly", setTimeout: "readonly", window: "readonly",
};

export default [
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: browser },
    linterOptions: { reportUnusedDisableDirectives: true },
    rules: {
      "consistent-return": "error",
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "max-len": ["error", { code: 130 }],
      "max-lines": ["error", 400],
      "no-empty": "error",
      "no-fallthrough": "error",
      "no-implicit-coercion": ["error", { boolean: false }],
      "no-implicit-globals": "error",
      "no-redeclare": "error",
      "no-shadow": "error",
      "no-undef": "error",
      "no-unused-vars": ["error", { args: "after-used" }],
      "no-use-before-define": ["error", { functions: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["tests/**/*.js"], languageOptions: { globals: { ...shared, Buffer: "readonly", CompressionStream: "readonly" } } },
];
