import { describe, expect, test } from 'vitest';

import { parseBackupLabel, parseTablespaceMap } from '../../../../engine/postgres/physical/backupLabel';

const LABEL = `START WAL LOCATION: A/7000028 (file 000000020000000A00000007)
CHECKPOINT LOCATION: A/7000080
BACKUP METHOD: streamed
BACKUP FROM: primary
START TIME: 2026-12-01 04:54:02 UTC
LABEL: nightly: START WAL LOCATION: 0/1 (file 000000010000000000000000)
START TIMELINE: 2
`;

describe('a backup_label', () => {
	test('tells where recovery begins, and of an increment where that began', () => {
		expect(parseBackupLabel(LABEL)).toEqual({ startLsn: 0xa07000028n, timeline: 2, incrementalFrom: undefined });
		const increment = `${LABEL}INCREMENTAL FROM LSN: A/5000028\nINCREMENTAL FROM TLI: 2\n`;
		expect(parseBackupLabel(increment).incrementalFrom).toBe(0xa05000028n);
	});

	test.each(['', LABEL.replace(/START TIMELINE.*\n/, ''), LABEL.replace('A/7000028 (', 'nowhere (')])(
		'that lacks something is refused',
		(text) => {
			expect(() => parseBackupLabel(text)).toThrow(/backup_label/);
		},
	);
});

describe('a tablespace_map', () => {
	test('has a line for each tablespace, whose folder may hold anything', () => {
		expect(parseTablespaceMap('16384 /srv/fast disk\n16385 /odd\\\nname\\\\x\n')).toEqual([
			{ oid: 16384, location: '/srv/fast disk' },
			{ oid: 16385, location: '/odd\nname\\x' },
		]);
		expect(parseTablespaceMap('')).toEqual([]);
	});

	test('that is none is refused', () => {
		expect(() => parseTablespaceMap('x /srv\n')).toThrow(/tablespace_map/);
	});
});
