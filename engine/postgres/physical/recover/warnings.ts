/** What somebody who starts a server from a recovered data directory has to know. */
import { listed } from '../../../errors';
import { shownName } from '../../../tree';
import type { Configured } from './configuration';
import { WAL_FOLDER } from './settings';

const LONGEST_VALUE = 200;

export function warningsOf(facts: Configured & { tablespaces: number; keepsArchiving: boolean }): string[] {
	const { made, unread, outside, tablespaces, keepsArchiving } = facts;
	const { leftOut, named } = outside;
	const warnings: string[] = [];
	if (made.length > 0)
		warnings.push(
			`The server that was backed up keeps its configuration outside of its data directory, so no base backup has it. ${made.join(', ')} were written with the least that is needed: put your own in their place, or start the server with its config_file.`,
		);
	if (leftOut.length > 0) {
		const settings = leftOut.map(({ name, value, file }) => `${name} = ${shown(value)} in ${shownName(file)}`);
		const hasIncludes = leftOut.some(({ name }) => name.startsWith('include'));
		const missing = hasIncludes ? ' What the included files set is missing: look through them.' : '';
		warnings.push(
			`Made comments, for they lead out of this data directory, to the data or the files of the other server: ${listed(settings)}.${missing}`,
		);
	}
	if (unread.length > 0)
		warnings.push(
			`${unread.join(' and ')} in the data directory ${unread.length === 1 ? 'was' : 'were'} not what the server read. The least that is needed was written there: put your own in ${unread.length === 1 ? 'its' : 'their'} place.`,
		);
	if (named.length > 0) {
		const settings = named.map(({ name, value }) => `${name} = ${shown(value)}`);
		warnings.push(`The server needs what its configuration names outside of the data directory: ${listed(settings)}.`);
	}
	if (tablespaces > 0)
		warnings.push(
			`${tablespaces === 1 ? 'The tablespace lies' : `${tablespaces} tablespaces lie`} below pg_tblspc in the data directory itself, which allow_in_place_tablespaces lets the server use.`,
		);
	if (!keepsArchiving)
		warnings.push(
			'archive_mode is off, so that this server does not mix its WAL with that of the other one: reset it when it takes over.',
		);
	warnings.push(`When the server has recovered, the folder ${WAL_FOLDER} in its data directory is needed no more.`);
	return warnings;
}

function shown(value: string): string {
	return `'${shownName(value.slice(0, LONGEST_VALUE))}'`;
}
