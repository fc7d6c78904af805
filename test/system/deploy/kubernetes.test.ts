/** The manifests of Kubernetes: by the published schemas, strictly, and what they promise of safety. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { readYaml, validateManifests } from '../../services/deploy-tools';

const FOLDER = join(__dirname, '..', '..', '..', 'deploy', 'kubernetes');
const FILES = ['n8n.yaml', 'queue.yaml'];

interface Resource {
	kind: string;
	metadata: { name: string };
	spec: {
		template: {
			metadata: { labels: { app: string } };
			spec: {
				automountServiceAccountToken: boolean;
				securityContext: object;
				containers: Array<{ image: string; securityContext: object; env?: Array<{ name: string; value: string }> }>;
			};
		};
	};
}

const resources = FILES.flatMap((file) => readYaml(join(FOLDER, file)) as Resource[]);

it.each(FILES)('%s conforms to the schemas', (file) => {
	const said = validateManifests(join(FOLDER, file));
	expect(said.match(/passed for resource/g)).toHaveLength(readYaml(join(FOLDER, file)).length);
});

describe.each(resources.filter(({ kind }) => kind === 'Deployment').map((each) => [each.metadata.name, each] as const))(
	'the deployment %s',
	(_name, { spec }) => {
		const pod = spec.template.spec;

		it('runs as an ordinary user, with nothing that it could write to but its volumes', () => {
			expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
			expect(pod.automountServiceAccountToken).toBe(false);
			for (const { securityContext, image } of pod.containers) {
				expect(securityContext).toMatchObject({
					allowPrivilegeEscalation: false,
					readOnlyRootFilesystem: true,
					capabilities: { drop: ['ALL'] },
				});
				expect(image).toMatch(/:\d+\.\d+/);
			}
		});

		it('holds no secret in its environment', () => {
			for (const { name, value } of pod.containers.flatMap(({ env = [] }) => env)) {
				if (/PASSWORD|KEY/.test(name)) expect(value).toMatch(/^\/run\/secrets\//);
			}
		});

		it('is kept apart by a network policy', () => {
			const policies = JSON.stringify(resources.filter(({ kind }) => kind === 'NetworkPolicy'));
			expect(policies).toContain(`"${spec.template.metadata.labels.app}"`);
		});
	},
);
