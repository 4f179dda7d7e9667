from chassis.migrate import run_environment
from organisation.tables import Base

run_environment(Base.metadata)
