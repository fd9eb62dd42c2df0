# {{title}}

A [Plumbline](https://github.com/plumbline/plumbline) plugin. It reads what `{{id}} list` prints.

    npm install
    npm test                 # builds, and runs the tests with the conformance kit
    npx plumbline plugin test
    npx plumbline inspect fixtures

`plumbline.config.json` names this folder, so that `plumbline` finds the plugin when it is run here. Elsewhere: `--plugins DIR`, or install the
package beside `plumbline`. What a plugin can be is told in `docs/writing-a-plugin.md` of Plumbline.
