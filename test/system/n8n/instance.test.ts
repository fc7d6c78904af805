import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';

import { describe, expect, it, onTestFinished } from 'vitest';

import { readSettings, versionOfProgram } from '../../../engine';
import {
	archiveKey,
	backUp,
	emptyStorage,
	folder,
	makeInstance,
	PASSPHRASE,
	restore,
} from '../../integration/n8n/instance/stage';
import { N8N_MODULES } from '../../services/n8n-install';
import { startN8n } from '../../services/n8n';
import { runCommand } from '../docs/commands';
import { standIns } from '../docs/stand-ins';
import { fill, give, keepBusy, knock, taken } from './door';

const run = promisify(execFile);

function settingsOf(userFolder: string, env: Record<string, string> = {}) {
	return readSettings({
		env: { N8N_USER_FOLDER: userFolder, ...env },
		readText: (file) => readFileSync(file, 'utf8'),
		namesIn: () => undefined,
	});
}

/** A community package that the source has installed, and its one node. */
const EXAMPLE = 'n8n-nodes-example';

/** As n8n notes that a package is installed. */
function noteExample(userFolder: string): void {
	const database = new DatabaseSync(join(userFolder, '.n8n/database.sqlite'), { timeout: 60_000 });
	database.exec(`INSERT INTO installed_packages ("packageName", "installedVersion") VALUES ('${EXAMPLE}', '1.2.3');
		INSERT INTO installed_nodes (name, type, "latestVersion", package) VALUES ('Example', '${EXAMPLE}.example', 1, '${EXAMPLE}')`);
	database.close();
}

/** An npm that has this package alone, whatever registry it is asked to take: n8n asks that of the world. */
function npmWithExample(): Record<string, string> {
	const root = folder();
	const dist = join(root, 'package/dist');
	mkdirSync(dist, { recursive: true });
	const node = { displayName: 'Example', name: 'example', group: ['transform'], version: 1, description: 'An example' };
	const description = { ...node, defaults: { name: 'Example' }, inputs: ['main'], outputs: ['main'], properties: [] };
	writeFileSync(
		join(dist, 'Example.node.js'),
		`exports.Example = class { description = ${JSON.stringify(description)}; };`,
	);
	const nodes = ['dist/Example.node.js'];
	writeFileSync(
		join(root, 'package/package.json'),
		JSON.stringify({ name: EXAMPLE, version: '1.2.3', n8n: { n8nNodesApiVersion: 1, nodes } }),
	);
	const archive = join(root, `${EXAMPLE}-1.2.3.tgz`);
	execFileSync('tar', ['-czf', archive, '-C', root, 'package']);
	const npm = `#!/bin/sh
case "$1 $2" in
"view ${EXAMPLE}@1.2.3") echo '"1.2.3"' ;;
"pack ${EXAMPLE}@1.2.3") cp '${archive}' . && echo '${EXAMPLE}-1.2.3.tgz' ;;
"install "*) ;;
*) exit 1 ;;
esac
`;
	writeFileSync(join(root, 'npm'), npm);
	chmodSync(join(root, 'npm'), 0o755);
	// Nobody listens there: n8n is to ask this npm, and nothing outside of this machine.
	const nowhere = 'http://127.0.0.1:9';
	return {
		PATH: `${root}:${dirname(process.execPath)}:${process.env['PATH']}`,
		HTTP_PROXY: nowhere,
		HTTPS_PROXY: nowhere,
		NO_PROXY: '127.0.0.1,localhost',
	};
}

describe('an n8n on SQLite', () => {
	it('is backed up while executions write, and the steps for Docker start a second n8n, with its owner, credentials, files and packages', async () => {
		const source = folder();
		const n8n = await startN8n({ database: 'sqlite', userFolder: source, env: { DB_SQLITE_POOL_SIZE: '5' } });
		const storage = emptyStorage();
		let manifest;
		let file;
		try {
			await fill(n8n);
			file = await give(n8n, 'content of a file');
			noteExample(source);
			const rest = keepBusy(n8n);
			manifest = await backUp(storage, settingsOf(source), {
				version: versionOfProgram(join(N8N_MODULES, '.bin', 'n8n')),
				binaryData: true,
			});
			expect(await rest()).toBeGreaterThan(0);
		} finally {
			await n8n.stop();
		}
		const { version } = JSON.parse(readFileSync(join(N8N_MODULES, 'n8n', 'package.json'), 'utf8')) as {
			version: string;
		};
		expect(manifest.source).toMatchObject({ version, packages: [{ name: EXAMPLE, version: '1.2.3' }] });
		expect(file).toMatch(/^filesystem/);

		// In the container of the n8n that was backed up.
		const container = folder();
		const target = join(container, 'home/node/.n8n-files/restored');
		mkdirSync(dirname(target), { recursive: true });
		await restore(storage, manifest, target, { running: join(source, '.n8n'), version });
		const work = folder();
		const { env, calls } = standIns(folder(), {
			docker: `if [ "$1" = cp ]; then cp -r '${container}'"\${2#n8n:}" "$3"; fi`,
			sudo: `exec "$@"`,
		});
		await runCommand('docker', env, work, 'n8n-export.md');
		const [, , , changed, started] = calls();
		expect(changed).toEqual(['sudo', 'chown', '-R', '1000:1000', 'restored/.n8n']);
		const volume = join(work, 'restored/.n8n');
		expect(started).toEqual([
			...['docker', 'run', '-d', '--name', 'n8n', '-p', '5678:5678', '-v', `${volume}:/home/node/.n8n`],
			...['-e', 'N8N_REINSTALL_MISSING_PACKAGES=true', expect.stringMatching(/^n8nio\/n8n:\d+\.\d+\.\d+$/)],
		]);

		const second = await startN8n({
			database: 'sqlite',
			volume,
			editor: true,
			env: { N8N_REINSTALL_MISSING_PACKAGES: 'true', ...npmWithExample() },
			restored: true,
		});
		try {
			const users = await second.rest<{ items: Array<{ email: string }> }>('GET', '/users');
			expect(users.items.map(({ email }) => email)).toEqual([second.connection.email]);
			// The webhook is open to the credential that n8n has decrypted, and to nothing else.
			expect(await knock(second.url, 'open sesame')).toBe(200);
			expect(await knock(second.url, 'something else')).toBe(401);
			expect(await taken(second, file)).toBe('content of a file');
			expect((await second.nodeTypes()).map(({ name }) => name)).toContain(`${EXAMPLE}.example`);
		} finally {
			await second.stop();
		}
		expect(statSync(join(volume, 'nodes/node_modules', EXAMPLE)).uid).toBe(1000);
	});

	it('has the folder that stock tools unpack', async () => {
		const storage = emptyStorage();
		const manifest = await backUp(storage, makeInstance().settings);
		const target = folder();
		const archive = join(storage.root, archiveKey(manifest));
		const gpg = `gpg --batch --quiet --pinentry-mode loopback --passphrase '${PASSPHRASE}' --decrypt '${archive}'`;
		const home = join(folder(), 'gnupg');
		mkdirSync(home, { mode: 0o700 });
		await run('bash', ['-c', `set -o pipefail; ${gpg} | zstd -dc | tar -x -C '${target}'`], {
			env: { ...process.env, GNUPGHOME: home },
		});
		const again = join(folder(), 'new');
		await restore(storage, manifest, again);
		for (const file of ['config', 'database.sqlite', 'nodes/package.json']) {
			expect(readFileSync(join(target, '.n8n', file)).equals(readFileSync(join(again, '.n8n', file)))).toBe(true);
		}
	});

	// n8n's driver is another library than node:sqlite: in one process, neither sees the other's locks.
	it('keeps the locks of its own library while it is backed up', async () => {
		const instance = makeInstance();
		const { Database } = createRequire(join(N8N_MODULES, 'n8n', 'package.json'))('sqlite3') as {
			Database: new (file: string) => {
				exec(sql: string, done: (error: Error | null) => void): void;
				close(done: () => void): void;
			};
		};
		const database = new Database(instance.file);
		onTestFinished(async () => await new Promise<void>((done) => database.close(done)));
		const exec = promisify<string, void>((sql, done) => database.exec(sql, done));
		await exec(`BEGIN IMMEDIATE; INSERT INTO execution_entity (status) VALUES ('running')`);
		expect(triedToWrite(instance.file)).toBe('database is locked');
		await backUp(emptyStorage(), instance.settings);
		expect(triedToWrite(instance.file)).toBe('database is locked');
		await exec('COMMIT');
	});
});

/** What another process is told that wants to write now. */
function triedToWrite(file: string): string {
	const script = `const { DatabaseSync } = require('node:sqlite');
		try { new DatabaseSync(process.argv[1]).exec('BEGIN IMMEDIATE'); console.log('free'); } catch (error) { console.log(error.message); }`;
	const { stdout } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', script, file], {
		encoding: 'utf8',
	});
	return stdout.trim();
}
