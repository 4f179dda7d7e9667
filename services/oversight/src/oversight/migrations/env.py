from chassis.migrate import run_environment
from oversight.tables import Base

run_environment(Base.metadata)
