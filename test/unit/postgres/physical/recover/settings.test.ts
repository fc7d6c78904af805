import { describe, expect, test } from 'vitest';

import { quoted, settingsText, type RecoverySettings } from '../../../../../engine/postgres/physical/recover/settings';

const SETTINGS: RecoverySettings = { target: { type: 'end' }, action: 'promote', timeline: 3 };

/** The settings by name, as a server reads them: the last one counts. */
function read(text: string): Record<string, string> {
	const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
	return Object.fromEntries(
		lines.map((line) => {
			const [, name, value] = /^(\w+) = '((?:[^'\\]|''|\\\\)*)'$/.exec(line) ?? [];
			if (name === undefined || value === undefined) throw new Error(`No setting: ${line}`);
			return [name, value.replace(/''|\\\\/g, (pair) => pair.charAt(0))];
		}),
	);
}

const isTarget = (name: string) => /^recovery_target(_time|_lsn|_xid|_name)?$/.test(name);
const targetsIn = (settings: Record<string, string>) =>
	Object.entries(settings).filter(([name, value]) => isTarget(name) && value !== '');

describe('the settings of a recovery', () => {
	test.each([
		[
			{ type: 'time', time: 1_790_000_000_123_456, inclusive: true },
			'recovery_target_time',
			'2026-09-21 14:13:20.123456+00',
		],
		[{ type: 'lsn', lsn: 0x16b374d848n, inclusive: true }, 'recovery_target_lsn', '16/B374D848'],
		[{ type: 'transaction', transaction: 4711, inclusive: true }, 'recovery_target_xid', '4711'],
		[{ type: 'restorePoint', name: "Tom's \\ point" }, 'recovery_target_name', "Tom's \\ point"],
		[{ type: 'immediate' }, 'recovery_target', 'immediate'],
	] as const)('name one target and end all others: $0.type', (target, name, value) => {
		const settings = read(settingsText({ ...SETTINGS, target }));
		expect(targetsIn(settings)).toEqual([[name, value]]);
		// Behind it, an empty one would be a second one to the server.
		expect(Object.keys(settings).filter(isTarget).at(-1)).toBe(name);
		expect(settings).toMatchObject({ recovery_target: expect.any(String), recovery_target_inclusive: 'on' });
	});

	test('name no target where recovery goes to the end of the log', () => {
		const settings = read(settingsText(SETTINGS));
		expect(targetsIn(settings)).toEqual([]);
		expect(settings).toMatchObject({ recovery_target_timeline: '3', recovery_target_action: 'promote' });
		expect(settings['restore_command']).toBe('cp "wal_restore/%f" "%p"');
	});

	test('leave out what happened just there where that is asked for', () => {
		const target = { type: 'lsn', lsn: 5n, inclusive: false } as const;
		expect(read(settingsText({ ...SETTINGS, target }))['recovery_target_inclusive']).toBe('off');
	});

	test('end what the server that was backed up does elsewhere, unless archiving is to go on', () => {
		expect(read(settingsText(SETTINGS))).toMatchObject({
			archive_mode: 'off',
			primary_conninfo: '',
			recovery_end_command: '',
			recovery_min_apply_delay: '0',
		});
		expect(read(settingsText({ ...SETTINGS, keepsArchiving: true }))).not.toHaveProperty('archive_mode');
	});

	test('have a port and folders of tablespaces only where they are asked for', () => {
		expect(read(settingsText(SETTINGS))).not.toHaveProperty('port');
		expect(read(settingsText(SETTINGS))).not.toHaveProperty('allow_in_place_tablespaces');
		const asked = { ...SETTINGS, port: 5433, tablespacesInPlace: true };
		expect(read(settingsText(asked))).toMatchObject({ port: '5433', allow_in_place_tablespaces: 'on' });
	});

	test.each([0, 65_536, 1.5, Number.NaN])('refuse %d as a port', (port) => {
		expect(() => settingsText({ ...SETTINGS, port })).toThrow(/is no port/);
	});

	test('never hold a line break, behind which another setting could stand', () => {
		expect(() => quoted("x\narchive_command = 'rm'")).toThrow(RangeError);
	});
});
