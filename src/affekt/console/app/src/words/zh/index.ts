import analyse from './analyse';
import guide from './guide';
import labels from './labels';
import live from './live';
import models from './models';
import people from './people';
import sessions from './sessions';
import settings from './settings';
import shell from './shell';

export default { analyse, guide, labels, live, models, people, sessions, settings, shell };
