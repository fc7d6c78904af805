import { describe, expect, test } from 'vitest';

import { effectOf, parseLine } from '../../../../../engine/postgres/physical/recover/configurationLine';

describe('a line of a configuration', () => {
	test.each([
		["data_directory = '/old'", 'data_directory', '/old'],
		["\t Data_Directory\t'/old' # why", 'data_directory', '/old'],
		["data_directory'/old'", 'data_directory', '/old'],
		["hba_file='/it''s \\'here\\''\r", 'hba_file', "/it's 'here'"],
		['port = 5432 # not 5433', 'port', '5432'],
		['include = conf.d/more.conf', 'include', 'conf.d/more.conf'],
		['pg_stat_statements.max = 10', 'pg_stat_statements.max', '10'],
		["log_directory = '", 'log_directory', ''],
	])('%j sets what PostgreSQL reads in it', (line, name, value) => {
		expect(parseLine(line)).toEqual({ name, value });
	});

	test.each(['', '   ', "#data_directory = '/old'", "  # include 'x'", "= '/old'", "'data_directory' = 1"])(
		'%j sets nothing',
		(line) => {
			expect(parseLine(line)).toBeUndefined();
		},
	);

	test.each([
		["data_directory = 'data'", 'leads out'],
		["HBA_FILE '/etc/hba'", 'leads out'],
		['ident_file = x', 'leads out'],
		["external_pid_file = '/run/x.pid'", 'leads out'],
		["include '/etc/more.conf'", 'leads out'],
		["include_if_exists '../more.conf'", 'leads out'],
		["include_dir = 'conf.d/../..'", 'leads out'],
		["include '\\057etc/more.conf'", 'leads out'],
		["include 'a\\b'", 'leads out'],
		["include ''", 'leads out'],
		["log_directory = '/var/log/postgresql'", 'leads out'],
		["log_directory = 'log'", undefined],
		["include 'more.conf'", 'file'],
		["Include_If_Exists 'a/more-2.conf'", 'file'],
		["include_dir 'conf.d'", 'folder'],
		["ssl_key_file = '/etc/key'", 'names'],
		["ssl_key_file = 'server.key'", undefined],
		["shared_buffers = '1GB'", undefined],
	])('%j: %s', (line, effect) => {
		expect(effectOf(parseLine(line)!)).toBe(effect);
	});
});
