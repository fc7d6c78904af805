/**
 * Run as a process of its own, to be killed: copies backups, and stops for ever at one of the steps by which it changes the target, such
 * as the second `write manifest`; `midst archive` is in the middle of a write. Then it says so.
 */
import { copyBackups, FolderStorage, S3Storage, type S3StorageOptions, type Storage } from '../../../engine';
import { intercepted } from '../../integration/retention/proxy';

type Place = { root: string } | S3StorageOptions;

const KINDS = {
	lock: /lock-\d+\.json$/,
	claim: /\.writing\.json$/,
	manifest: /\.manifest\.json$/,
	pointer: /_latest$/,
};

function kindOf(key: string): string {
	return Object.entries(KINDS).find(([, pattern]) => pattern.test(key))?.[0] ?? 'archive';
}

async function main([source = '', target = '', passphrase = '', stopsAt = '', times = '']: string[]): Promise<void> {
	let left = Number(times);
	const step = async (what: string, key: string) => {
		if (`${what} ${kindOf(key)}` !== stopsAt || --left !== 0) return;
		process.stdout.write(`${stopsAt}\n`);
		await new Promise(() => setInterval(() => {}, 1000));
	};
	const open = (place: string): Storage => {
		const options = JSON.parse(place) as Place;
		return 'root' in options ? new FolderStorage(options) : new S3Storage(options);
	};
	const to = open(target);
	const stopping = intercepted(to, {
		write: async (key, content, options) => {
			await step('write', key);
			return await to.write(
				key,
				inTwo(content, () => step('midst', key)),
				options,
			);
		},
		replace: async (key, ...more) => {
			await step('replace', key);
			return await to.replace(key, ...more);
		},
		remove: async (key, ...more) => {
			await step('remove', key);
			return await to.remove(key, ...more);
		},
		setLatest: async (key, ...more) => {
			await step('setLatest', key);
			return await to.setLatest(key, ...more);
		},
	});
	await copyBackups({
		source: open(source),
		target: stopping,
		owner: 'to be killed',
		parallel: 1,
		...(passphrase !== '' && { encryption: { passphrase } }),
	});
	process.stdout.write('done\n');
}

/** Stops once half of the content, or its only piece, has gone by. */
async function* inTwo(content: AsyncIterable<Uint8Array>, step: () => Promise<void>): AsyncGenerator<Uint8Array> {
	let isFirst = true;
	for await (const chunk of content) {
		yield chunk;
		if (isFirst) await step();
		isFirst = false;
	}
}

void main(process.argv.slice(2));
