/** The house: each room, and the rooms that it may import from. Everything else is refused. */
const rooms = {
  core: [],
  kernels: ['core'],
  ring: ['core', 'kernels'],
  crypto: ['core', 'kernels'],
  dp: ['core', 'kernels', 'ring'],
  robust: ['core', 'kernels'],
  secagg: ['core', 'kernels', 'ring', 'crypto'],
  fl: ['core', 'kernels', 'ring', 'crypto', 'dp', 'robust'],
  client: ['core', 'kernels', 'ring', 'crypto', 'dp', 'robust', 'secagg', 'fl'],
  server: ['core', 'kernels', 'ring', 'crypto', 'dp', 'robust', 'secagg', 'fl'],
  simulation: ['core', 'kernels', 'ring', 'crypto', 'dp', 'robust', 'secagg', 'fl'],
  edge: ['core', 'kernels', 'ring', 'crypto', 'dp', 'robust', 'secagg', 'fl', 'client', 'server'],
  conformance: ['core', 'kernels', 'ring', 'crypto', 'dp', 'robust', 'secagg', 'fl', 'simulation'],
  cli: [
    'core',
    'kernels',
    'ring',
    'crypto',
    'dp',
    'robust',
    'secagg',
    'fl',
    'client',
    'server',
    'edge',
    'simulation',
    'conformance',
  ],
};

const directions = Object.entries(rooms).map(([room, below]) => ({
  name: `${room} imports only from below`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [`^src/${room}/`, ...below.map((name) => `^src/${name}/`)] },
}));

export default {
  forbidden: [
    ...directions,
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every room is in the plan of the house',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/index\\.ts$', ...Object.keys(rooms).map((room) => `^src/${room}/`)] },
      to: {},
    },
    {
      name: 'TensorFlow.js, an optional peer, only for local training',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/fl/training/' },
      to: { path: ['^src/fl/training/', '@tensorflow/'] },
    },
    {
      name: 'Node only where it may be',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(server|edge|cli|conformance)/', '\\.node\\.ts$'] },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/kernels/assembly' },
    tsConfig: { fileName: 'tsconfig.build.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['types', 'import'] },
  },
};
