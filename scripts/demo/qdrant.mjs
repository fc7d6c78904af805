import { join } from 'node:path';
import { ask, at, contentHash, countPoints } from '../../test/services/qdrant-data.ts';
import { checkedManifest } from './checksum.mjs';
import { CALLER, execute, outputOf, publishGuarded, restoreByWebhook } from './execute.mjs';
import { ALIAS, COLLECTION } from './sample-vectors.mjs';

export const qdrantScenarios = [
	{ title: 'The nightly template backs up every collection of Qdrant, aliases included', run: backUp },
	{ title: 'The archive of the articles is what its manifest says', run: verify },
	{ title: 'Vectors are lost, and the restore template swaps them in by their alias', run: restore },
];

async function backUp(environment) {
	const execution = await execute(environment, 'qdrant-daily-snapshot.json', 'Every Night at 02:30');
	const { backups } = outputOf(execution, 'Summary');
	if (!backups.some(({ name }) => name === COLLECTION)) throw new Error('The articles were not backed up.');
	return backups.map(({ name, file, points, size }) => `${name}: ${file}, ${points} points, ${size}`);
}

async function verify({ backups }) {
	const { file, sha256, counts, source } = checkedManifest(join(backups, 'qdrant'), COLLECTION);
	if (!source.aliases.includes(ALIAS)) throw new Error(`The manifest does not tell of the alias ${ALIAS}.`);
	return [
		`${file}: SHA-256 ${sha256.slice(0, 16)}..., ${counts.points} points, alias ${source.aliases.join(', ')}`,
		`The .snapshot file inside has the checksum that the server told: ${source.snapshot.sha256.slice(0, 16)}...`,
	];
}

async function restore(environment) {
	const { n8n, qdrant } = environment;
	const before = await contentHash(qdrant, ALIAS);
	const points = await countPoints(qdrant, ALIAS);
	const filter = { must: [{ key: 'language', match: { value: 'en' } }] };
	await ask(qdrant, 'POST', at(COLLECTION, '/points/delete?wait=true'), { filter });
	const damaged = await countPoints(qdrant, ALIAS);
	await publishGuarded(environment, 'qdrant-restore-webhook.json', {
		collections: { [ALIAS]: COLLECTION },
	});
	const unconfirmed = { collection: ALIAS, dryRun: false, confirm: 'another' };
	const refused = await n8n.webhook('restore-qdrant', unconfirmed, { headers: CALLER });
	if (refused.status !== 409) throw new Error(`Without a confirmation the webhook answered ${refused.status}.`);
	const asked = { collection: ALIAS, confirm: ALIAS };
	const { plan, told } = await restoreByWebhook(environment, 'restore-qdrant', asked);
	if ((await contentHash(qdrant, ALIAS)) !== before) throw new Error('Other points came back than were there before.');
	return [
		`${points} points, ${damaged} after a slip of the hand`,
		`Without the right confirmation: "${refused.body.error}"`,
		`The dry run would replace ${plan.replaces}`,
		`Restored: ${told.result}`,
	];
}
