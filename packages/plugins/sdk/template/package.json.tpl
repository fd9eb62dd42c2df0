{
  "name": "{{package}}",
  "version": "0.1.0",
  "description": "Plumbline plugin: {{name}}",
  "license": "UNLICENSED",
  "type": "module",
  "keywords": ["plumbline-plugin"],
  "plumbline": { "capabilities": ["parse"] },
  "exports": { ".": { "types": "./dist/index.d.ts", "default": "./dist/index.js" } },
  "files": ["dist"],
  "scripts": {
    "build": "tsc",
    "test": "tsc && vitest run",
    "conform": "tsc && plumbline plugin test"
  },
  "dependencies": {
    "@plumbline/model": "^{{version}}",
    "@plumbline/plugin-sdk": "^{{version}}"
  },
  "devDependencies": {
    "@types/node": "^20.19.0",
    "plumbline": "^{{version}}",
    "typescript": "^6.0.0",
    "vitest": "^4.1.0"
  }
}
