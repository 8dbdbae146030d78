/**
 * A data set dealt to ten clients, unevenly, and a picture of who has what: `node build/examples/training/partition.js
 * > deal.svg`.
 */
import { dirichletPartition, partitionPicture } from 'veilsum/fl';
import { loadDigits } from '../digits/digits.js';

const { labels } = await loadDigits();
const partition = dirichletPartition({ clients: 10, labels, alpha: 0.3, seed: 7 });
const title = `${labels.length} handwritten digits, Dirichlet(0.3), ten clients`;
console.log(partitionPicture({ partition, labels, title }));
