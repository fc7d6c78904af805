import { describe, expect, it } from 'vitest';

import { ScriptEnds } from '../../../../engine/postgres/import/scriptEnds';
import { ScriptSections } from '../../../../engine/postgres/import/sections';
import { lexScript } from '../../../../engine/postgres/script';
import { inPieces } from '../foreign/read-blocks';

/** The database of each statement of a script; `-` for what names none, `none` for what belongs to no section. */
async function databasesOf(script: string): Promise<Record<string, string>> {
	const ends = new ScriptEnds();
	const sections = new ScriptSections();
	const found: Array<[string, { database: string | undefined } | undefined]> = [];
	for await (const item of lexScript(inPieces(Buffer.from(script), 50), { onComment: (text) => ends.note(text) })) {
		const section = sections.sectionOf(item, ends);
		if (item.type === 'statement') found.push([item.text, section]);
	}
	return Object.fromEntries(found.map(([text, section]) => [text, section ? (section.database ?? '-') : 'none']));
}

const CLUSTER = '-- PostgreSQL database cluster dump\n';
const DATABASE = '-- PostgreSQL database dump\n';

describe('the databases of a script', () => {
	it('begin with their \\connect in a dump of a server, behind its globals', async () => {
		const script = `${CLUSTER}CREATE ROLE r;
\\connect template1
${DATABASE}SELECT 1;
${DATABASE}CREATE DATABASE a;
\\connect a
SELECT 2;
\\connect postgres
${DATABASE}SELECT 3;`;
		expect(await databasesOf(script)).toEqual({
			'CREATE ROLE r': '-',
			'SELECT 1': 'template1',
			'CREATE DATABASE a': 'a',
			'SELECT 2': 'a',
			'SELECT 3': 'postgres',
		});
	});

	it('leave the settings between the globals and the first of them to nobody', async () => {
		const script = `${CLUSTER}CREATE ROLE r;\n${DATABASE}SET a = 1;\nCREATE DATABASE a;\n\\connect a\nSELECT 1;`;
		expect(await databasesOf(script)).toEqual({
			'CREATE ROLE r': '-',
			'SET a = 1': 'none',
			'CREATE DATABASE a': 'a',
			'SELECT 1': 'a',
		});
	});

	it('have no name in a dump of one that does not tell it', async () => {
		expect(await databasesOf(`${DATABASE}SET a = 1;\nCREATE TABLE t ();`)).toEqual({
			'SET a = 1': '-',
			'CREATE TABLE t ()': '-',
		});
	});

	it('are told by names that psql has to be given in quotes, and by its short command', async () => {
		const script = String.raw`\c x
SELECT 1;
\connect -reuse-previous=on "dbname='it\'s ""odd"" \\ name'"
SELECT 2;
\connect "quoted name"
SELECT 3;`;
		expect(await databasesOf(script)).toEqual({
			'SELECT 1': 'x',
			'SELECT 2': String.raw`it's "odd" \ name`,
			'SELECT 3': 'quoted name',
		});
	});

	it('go on where a script of old merely connects as somebody else', async () => {
		const script = '\\connect x\nSELECT 1;\n\\connect - somebody\nSELECT 2;';
		expect(await databasesOf(script)).toEqual({ 'SELECT 1': 'x', 'SELECT 2': 'x' });
	});

	it('are not told by what only looks like a CREATE DATABASE', async () => {
		expect(await databasesOf(`SELECT 'CREATE DATABASE x';\nCREATE TABLE database ();`)).toEqual({
			"SELECT 'CREATE DATABASE x'": '-',
			'CREATE TABLE database ()': '-',
		});
	});

	it('are limited in their number', async () => {
		const script = Array.from({ length: 10_001 }, (_, index) => `\\connect d${index}\n`).join('');
		await expect(databasesOf(`${CLUSTER}${script}`)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
	});
});
