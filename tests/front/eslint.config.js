// Rules for the front end and for its tests; run from the root of the repository with --config.

import js from "@eslint/js";
import globals from "globals";

const rules = {
  "array-callback-return": "error",
  "consistent-return": "error",
  "curly": ["error", "multi-line"],
  "eqeqeq": "error",
  "lines-between-class-members": ["error", "always", { exceptAfterSingleLine: true }],
  "max-depth": ["error", 4],
  "max-len": ["error", 120],
  "max-lines": ["error", 300],
  "max-lines-per-function": ["error", 60],
  "no-else-return": "error",
  "no-irregular-whitespace": ["error", { skipStrings: true, skipTemplates: true }],
  "no-multiple-empty-lines": ["error", { max: 1, maxEOF: 0 }],
  "no-redeclare": "error",
  "no-restricted-properties": [
    "error",
    { object: "model", property: "set", message: "What the reader chooses is kept by GlChoices." },
    { property: "save_changes", message: "What the reader chooses is kept by GlChoices." },
    { property: "innerHTML", message: "Text is set as text: labels are the user's." },
  ],
  "no-return-assign": ["error", "except-parens"],
  "no-shadow": "error",
  "no-undef": "error",
  "no-unused-expressions": ["error", { allowTernary: true }],
  "no-unused-vars": ["error", { args: "after-used" }],
  "no-use-before-define": ["error", { functions: false, variables: false }],
  "no-useless-return": "error",
  "no-var": "error",
  "object-curly-spacing": ["error", "always"],
  "object-shorthand": "error",
  "padded-blocks": ["error", "never"],
  "prefer-const": ["error", { destructuring: "all" }],
  "prefer-template": "error",
  "quotes": ["error", "double", { avoidEscape: true, allowTemplateLiterals: true }],
  "semi": "error",
};

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules,
  },
  { files: ["gradlab/**/*.js"], languageOptions: { globals: globals.browser } },
  {
    files: ["tests/**/*.js"],
    languageOptions: { globals: { ...globals.node, document: "writable", ImageData: "writable" } },
  },
];
