const { dest, src } = require('gulp');

/** What tsc does not carry over into dist: icons, and the codex files that sort the nodes in n8n's node panel. */
function assets() {
	const files = ['nodes/**/*.{svg,node.json}', 'credentials/**/*.svg'];
	return src(files, { base: '.', encoding: false, allowEmpty: true }).pipe(dest('dist'));
}

exports.default = assets;
