import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "plugin-captures", include: ["{src,test}/**/*.test.ts"] } });
