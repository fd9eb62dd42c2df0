{ "plugins": ["."] }
