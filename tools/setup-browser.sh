#!/usr/bin/env bash
# Installs the browser in which the page is tested: Debian's Chromium, and a font for what it draws.
exec bash "$(dirname "${BASH_SOURCE[0]}")/install-packages.sh" browser chromium fonts-dejavu-core
