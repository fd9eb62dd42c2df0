import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "plugin-frr", include: ["{src,test}/**/*.test.ts"] } });
