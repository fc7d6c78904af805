import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { backUp, emptyStorage, folder, KEY, makeInstance, restore } from '../../integration/n8n/instance/stage';
import { blockOf, runCommand } from './commands';
import { standIns } from './stand-ins';

const PAGE = 'n8n-export.md';
/** The user of the image of n8n. */
const NODE = 1000;

type Yaml = ReturnType<typeof JSON.parse>;

/** The documents of a file in YAML. */
function documentsIn(text: string): Yaml[] {
	const script = 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))';
	return JSON.parse(execFileSync('python3', ['-c', script], { input: text, encoding: 'utf8' })) as Yaml[];
}

it('the steps for Kubernetes bring what was restored into a new volume, as the user that n8n runs as, and its key into a secret', async () => {
	const storage = emptyStorage();
	const work = folder();
	await restore(storage, await backUp(storage, makeInstance().settings), join(work, 'restored'));
	for (const name of ['n8n-restored', 'n8n-deployment'])
		writeFileSync(join(work, `${name}.yaml`), blockOf(PAGE, 'yaml', name));
	// As Kubernetes gives a new volume to a pod with this fsGroup.
	const volume = join(work, 'volume');
	mkdirSync(volume);
	chownSync(volume, 0, NODE);
	chmodSync(volume, 0o2775);

	const kubectl = `case "$1" in
exec)
	while [ "$1" != -- ]; do shift; done; shift
	exec setpriv --reuid=${NODE} --regid=${NODE} --clear-groups "\${@/#\\/data/${volume}}" ;;
create) cat "\${5#*=*=}" >'${work}/secret' ;;
apply) cat "$3" >/dev/null ;;
patch) cat "$5" >/dev/null ;;
esac`;
	const { env, calls } = standIns(work, { kubectl });
	await runCommand('kubernetes', env, work, PAGE);

	const [claim, pod] = documentsIn(blockOf(PAGE, 'yaml', 'n8n-restored'));
	const [deployment] = documentsIn(blockOf(PAGE, 'yaml', 'n8n-deployment'));
	const { name: podName } = pod.metadata;
	expect(calls()).toEqual([
		['kubectl', 'scale', 'deployment', 'n8n', '--replicas=0'],
		['kubectl', 'apply', '-f', 'n8n-restored.yaml'],
		['kubectl', 'wait', '--for=condition=Ready', `pod/${podName}`, '--timeout=5m'],
		['kubectl', 'exec', '-i', podName, '--', 'tar', '-x', '-C', '/data'],
		['kubectl', 'delete', 'pod', podName],
		['kubectl', 'create', 'secret', 'generic', 'n8n-restored-key', '--from-file=N8N_ENCRYPTION_KEY=/dev/stdin'],
		['kubectl', 'patch', 'deployment', 'n8n', '--patch-file', 'n8n-deployment.yaml'],
		['kubectl', 'scale', 'deployment', 'n8n', '--replicas=1'],
	]);

	// The volume that the pod fills is the one that n8n is given, at the folder that was copied.
	const volumes = [{ name: 'n8n-restored', persistentVolumeClaim: { claimName: claim.metadata.name } }];
	expect(claim.kind).toBe('PersistentVolumeClaim');
	expect(pod).toMatchObject({
		kind: 'Pod',
		spec: {
			securityContext: { runAsUser: NODE, runAsGroup: NODE, fsGroup: NODE },
			containers: [{ volumeMounts: [{ name: 'n8n-restored', mountPath: '/data' }] }],
			volumes,
		},
	});
	const secretKeyRef = { name: 'n8n-restored-key', key: 'N8N_ENCRYPTION_KEY' };
	expect(deployment.spec.template.spec).toMatchObject({
		containers: [
			{
				name: 'n8n',
				image: expect.stringMatching(/^n8nio\/n8n:\d+\.\d+\.\d+$/),
				env: [
					{ name: 'N8N_REINSTALL_MISSING_PACKAGES', value: 'true' },
					{ name: 'N8N_ENCRYPTION_KEY', valueFrom: { secretKeyRef } },
				],
				volumeMounts: [{ name: 'n8n-restored', mountPath: '/home/node/.n8n', subPath: '.n8n' }],
			},
		],
		volumes,
	});
	expect(readdirSync(volume)).toEqual(['.n8n']);
	const copied = join(volume, '.n8n');
	expect(readdirSync(copied).sort()).toEqual(readdirSync(join(work, 'restored/.n8n')).sort());
	for (const name of ['', 'config', 'database.sqlite', 'nodes/package.json']) {
		const { uid, mode } = statSync(join(copied, name));
		expect([name, uid, mode & 0o077]).toEqual([name, NODE, 0]);
	}
	expect(readFileSync(join(work, 'secret'), 'utf8')).toBe(KEY);
});
