import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { configure } from '../../../../../engine/postgres/physical/recover/configuration';
import { DraftFolder } from '../../../../../engine/postgres/physical/recover/draftFolder';
import { removeFolder, temporaryFolder } from '../../../../services/guard';

const root = temporaryFolder('confine');
afterAll(() => removeFolder(root));
let runs = 0;

const SETTINGS = { target: { type: 'end' }, action: 'promote', timeline: 1 } as const;
const SERVER = { max_connections: 300 };

/** Configures a data directory of these files, and answers what they are then. */
async function configured(files: Record<string, string>) {
	mkdirSync(root, { recursive: true });
	const draft = await DraftFolder.make(join(root, String(runs++)));
	for (const [name, text] of Object.entries(files)) await draft.write(name, [Buffer.from(text, 'latin1')]);
	const changed = new Set<string>();
	const told = await configure({ draft, changed }, SETTINGS, SERVER);
	return {
		...told,
		changed: [...changed].sort(),
		text: (name: string) => readFileSync(join(draft.path, name), 'latin1'),
	};
}

describe('the configuration of a recovered data directory', () => {
	test('leads nowhere else, by whatever file it is read from, and stays as it is otherwise', async () => {
		const { outside, changed, text } = await configured({
			'postgresql.conf':
				"work_mem = '5MB' # \xe9\nDATA_DIRECTORY = '/old'\r\ninclude 'sub/a.conf'\ninclude_dir 'conf.d'\n",
			'sub/a.conf': "include_if_exists 'b.conf'\n",
			'sub/b.conf': "data_directory '/old-b'\ninclude 'a.conf'",
			'conf.d/c.conf': "external_pid_file = '/run/c'\nssl_cert_file = '/etc/c'\n",
			'conf.d/.hidden.conf': "data_directory = '/not-read'\n",
			'conf.d/c.txt': "data_directory = '/not-read'\n",
			'postgresql.auto.conf': "data_directory = '/old-auto'\n",
			'pg_hba.conf': 'local all all peer\n',
		});
		expect(outside.leftOut.map(({ name, value, file }) => `${file} ${name} ${value}`).sort()).toEqual([
			'conf.d/c.conf external_pid_file /run/c',
			'postgresql.auto.conf data_directory /old-auto',
			'postgresql.conf data_directory /old',
			'sub/b.conf data_directory /old-b',
		]);
		expect(outside.named).toEqual([{ name: 'ssl_cert_file', value: '/etc/c' }]);
		expect(text('postgresql.conf')).toMatch(
			/^work_mem = '5MB' # \xe9\n#DATA_DIRECTORY = '\/old' # Left out by Recover .*\ninclude 'sub\/a.conf'\n/,
		);
		expect(text('sub/b.conf')).toMatch(/^#data_directory .*\ninclude 'a.conf'$/);
		expect(text('conf.d/.hidden.conf')).not.toContain('#');
		expect(text('pg_hba.conf')).toBe('local all all peer\n');
		expect(changed).toEqual(['conf.d/c.conf', 'postgresql.auto.conf', 'postgresql.conf', 'sub/b.conf']);
	});

	test('has rules for logins of its own where the server read others, and what a file that is missing here may have set', async () => {
		const { made, unread, changed, text } = await configured({
			'postgresql.conf': "hba_file = '/etc/hba'\nident_file = '/etc/ident'\ninclude '/etc/more.conf'",
			'pg_hba.conf': 'local all all trust\nhost all all 0.0.0.0/0 trust\n',
		});
		expect(text('pg_hba.conf').match(/^[^#\n].*/gm)).toEqual([
			'local all all peer',
			'host all all 127.0.0.1/32 scram-sha-256',
			'host all all ::1/128 scram-sha-256',
			'local replication all peer',
			'host replication all 127.0.0.1/32 scram-sha-256',
			'host replication all ::1/128 scram-sha-256',
		]);
		expect(text('pg_hba.conf')).toContain('\n#local all all trust\n#host all all 0.0.0.0/0 trust\n');
		expect([made, unread]).toEqual([['pg_ident.conf'], ['pg_hba.conf']]);
		expect(text('postgresql.conf')).toMatch(
			/\n#include '\/etc\/more.conf' # .*\n# Written by .*\nmax_connections = '300'\n$/,
		);
		expect(changed).toEqual(['pg_hba.conf', 'postgresql.conf']);
	});

	test('is made up where the base backup has none', async () => {
		const { made, outside, text } = await configured({});
		expect(made).toEqual(['postgresql.conf', 'pg_hba.conf', 'pg_ident.conf']);
		expect(outside).toEqual({ leftOut: [], named: [] });
		expect(text('postgresql.conf')).toMatch(/\nmax_connections = '300'\n$/);
	});
});
