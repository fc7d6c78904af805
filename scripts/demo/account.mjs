/**
 * What the demo tells at its end: a line for each thing that the daily template backed up, and that was lost and came back, and then
 * what scenes have noted. Scenes call `backedUp`, `recovered` and `note`; `lines` is all of it as text.
 */
export function createAccount() {
	let backups = [];
	let recovery;
	const notes = [];
	return {
		/** @param manifests those of the backups that the daily template made */
		backedUp(manifests) {
			backups = manifests;
		},
		/**
		 * Called once everything turned out to be what it was before.
		 * @param report what the template of the recovery put out
		 * @param lostAt when everything was lost, in milliseconds since 1970
		 */
		recovered(report, lostAt) {
			recovery = { ...report, lostAt };
		},
		/** Something else that was shown, and by which figures. */
		note(what, figures) {
			notes.push([what, figures]);
		},
		lines() {
			return [...(recovery ? table(backups, recovery) : []), '', ...listed(notes)];
		},
	};
}

/** What a backup is called and counted in, by its kind. */
const KINDS = {
	postgres: { name: 'PostgreSQL', count: 'rows', unit: 'rows' },
	qdrant: { name: 'Qdrant', count: 'points', unit: 'vectors' },
	minio: { name: 'S3 bucket', count: 'files', unit: 'objects' },
	files: { name: 'folder', count: 'files', unit: 'files' },
};

const HEAD = ['', '', 'held', 'stored', 'backed up in', 'back in', ''];

function table(backups, recovery) {
	const lost = backups.map((manifest) => ({ manifest, step: stepOf(manifest, recovery) })).filter(({ step }) => step);
	const rows = lost.map(row);
	const widths = HEAD.map((_, column) => Math.max(...[HEAD, ...rows].map((cells) => cells[column].length)));
	const line = (cells) =>
		cells
			.map((cell, column) => aligned(cell, widths[column], column))
			.join('   ')
			.trimEnd();
	const rule = '\u2500'.repeat(widths.reduce((sum, width) => sum + width + 3, -3));
	const oldest = Math.min(...lost.map(({ manifest }) => Date.parse(manifest.startedAt)));
	const point = ((recovery.lostAt - oldest) / 1000).toFixed(0);
	return [
		'Everything was lost, and came back from the backups of one template:',
		'',
		line(HEAD),
		rule,
		...rows.map(line),
		rule,
		`Recovery time ${recovery.rtoSeconds.toFixed(1)} s, of everything in order. Recovery point ${point} s before the loss.`,
	];
}

/** The step of the recovery that restored a backup; undefined for what was not lost, or is counted in nothing, as roles. */
function stepOf({ kind, name }, { steps }) {
	return kind in KINDS && steps.find((one) => one.kind === kind && one.name === name && one.state === 'restored');
}

function row({ manifest, step }) {
	const { kind, name, size, counts, source, startedAt, finishedAt } = manifest;
	const { count, unit } = KINDS[kind];
	const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
	return [
		// What clients use, where that is not the name itself.
		source?.aliases?.[0] ?? name,
		KINDS[kind].name,
		`${counts[count].toLocaleString('en')} ${unit}`,
		bytes(size.stored),
		`${seconds.toFixed(1)} s`,
		`${step.seconds.toFixed(1)} s`,
		'all the same, by their hashes',
	];
}

/** Figures stand at the right of their columns. */
function aligned(text, width, column) {
	return column >= 2 && column <= 5 ? text.padStart(width) : text.padEnd(width);
}

function listed(notes) {
	const width = Math.max(0, ...notes.map(([what]) => what.length));
	return notes.map(([what, figures]) => `${what.padEnd(width)}   ${figures}`);
}

/** Powers of 1000, as disks are sold and as items have them. */
function bytes(count) {
	const units = ['B', 'kB', 'MB', 'GB'];
	const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
	return `${power === 0 ? count : (count / 1000 ** power).toFixed(1)} ${units[power]}`;
}
