import { defineProject } from "vitest/config";

export default defineProject({ test: { name: "plugin-netfilter", include: ["{src,test}/**/*.test.ts"] } });
